import { type Flaw, stripeFlaw } from "#test/conformance/broken/flaw";

const SESSION = "src/magstripe/msr-session.ts";
const STRIPES = "src/magstripe/msr-stripes.ts";
const TRACK = "src/magstripe/track.ts";

/** At encoders that a card with a magnetic stripe is pulled through. */
export const stripeFlaws: readonly Flaw[] = [
  stripeFlaw(
    "answers a write with what it wanted to write",
    ["W06"],
    [
      STRIPES,
      "        changed();\n        return this.#read(attempt);",
      '        changed();\n        const back = await this.#read(attempt);\n        if (change.do === "erase") return back;\n        return { 1: back[1], 2: back[2], 3: { is: "text", text: change.tracks[0]?.text.reveal() ?? "" } };',
    ],
  ),
  stripeFlaw(
    "believes the encoder that it wrote, and reads nothing",
    ["W01"],
    [
      STRIPES,
      "return this.#read(attempt);\n      }",
      'return { 1: { is: "blank" }, 2: { is: "blank" }, 3: { is: "blank" } };\n      }',
    ],
  ),
  stripeFlaw(
    "erases nothing and says that it did",
    ["W01", "W02"],
    [STRIPES, "const mask = eraseMask(change.tracks);", "const mask = eraseMask(change.tracks) & 0;"],
  ),
  stripeFlaw(
    "erases the tracks that it does not write",
    ["W02"],
    ["src/magstripe/msr-protocol.ts", "tracks.find((it) => it.track === track)?.text;", "tracks[0]?.text;"],
  ),
  stripeFlaw(
    "waits for a card no longer than it asks whether the encoder is there",
    ["W03"],
    [SESSION, "if (found === null && this.#heard.length === 0) continue;", ""],
  ),
  stripeFlaw(
    "leaves the encoder waiting for a card when it is cancelled or closed",
    ["W04"],
    [SESSION, "      await this.#disarm();\n", ""],
    [
      SESSION,
      "if (await this.#turns.close()) await this.#wire.send(commands.reset",
      "if (!(await this.#turns.close())) await this.#wire.send(commands.reset",
    ],
  ),
  stripeFlaw(
    "gives up at the first pull that went wrong",
    ["W05"],
    [STRIPES, "const PULLS_MAX = 3;", "const PULLS_MAX = 1;"],
  ),
  stripeFlaw("takes a torn write for harmless", ["W05"], [STRIPES, 'attempt.effect = "unknown";', ""]),
  stripeFlaw(
    "sends what the track cannot hold",
    ["W07"],
    [STRIPES, "if (problem !== null) throw", 'if (problem === "") throw'],
  ),
  stripeFlaw(
    "does not look at the check character",
    ["T06"],
    [TRACK, 'if (!isOdd(character)) return { is: "unreadable" };', ""],
    [TRACK, "code === check ? readable(text, start)", "code >= 0 ? readable(text, start)"],
  ),
];
