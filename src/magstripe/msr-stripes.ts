import { Attempt, type Call, type StripeChange, type StripeRead, type StripeWriter } from "#driver-api";
import {
  answers,
  type Coercivity,
  commands,
  eraseMask,
  type RawBlock,
  STATUS,
  type TrackMode,
} from "./msr-protocol.js";
import type { MsrSession } from "./msr-session.js";
import { isWhole, trackProblem } from "./track.js";

/** A pull that was too fast, too slow or the wrong way round is asked for again; after so many the stripe is at fault. */
const PULLS_MAX = 3;
/** The manual says that 00 erases track 1 alone; the devices that others met take 01. */
const ONLY_TRACK_1 = 0x01;
const ONLY_TRACK_1_BY_MANUAL = 0x00;

export interface MsrSettings {
  readonly coercivity: Coercivity;
  /** Who makes sentinels, parity and check character when a track is written: the device, or the driver. */
  readonly write: TrackMode;
}

/**
 * Stripes on an encoder of the MSR605 family. Reading is raw: what the stripe itself carries to be checked by, parity
 * and check character, then covers the way to the gateway too, which has no check of its own.
 */
export class MsrStripes implements StripeWriter {
  readonly #session: MsrSession;
  readonly #settings: MsrSettings;

  constructor(session: MsrSession, settings: MsrSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  read({ signal }: Call): Promise<StripeRead> {
    return this.#read(new Attempt(signal));
  }

  async change(change: StripeChange, { signal }: Call, changed: () => void): Promise<StripeRead> {
    const attempt = new Attempt(signal);
    const problem = problemOf(change);
    if (problem !== null) throw attempt.failure("card.unwritable", problem);
    for (const command of this.#commandsFor(change)) {
      if (await this.#isDone(command, attempt)) {
        changed();
        return this.#read(attempt);
      }
    }
    throw attempt.failure("device.refused", "the encoder refuses to change these tracks");
  }

  /** More than one where devices differ: the next is for those that refuse the one before. */
  #commandsFor(change: StripeChange): readonly Uint8Array[] {
    if (change.do === "write") {
      const tracks = change.tracks.map(({ track, text }) => ({ track, text: text.reveal() }));
      return [commands.write(this.#settings.write, tracks)];
    }
    const mask = eraseMask(change.tracks);
    return mask === ONLY_TRACK_1
      ? [commands.erase(mask), commands.erase(ONLY_TRACK_1_BY_MANUAL)]
      : [commands.erase(mask)];
  }

  /** False when the device refuses the command. */
  async #isDone(command: Uint8Array, attempt: Attempt): Promise<boolean> {
    const { coercivity, write } = this.#settings;
    for (let pulls = 1; pulls <= PULLS_MAX; pulls++) {
      const status = await this.#session.arm(
        async (ask) => {
          const set = await ask(commands.setCoercivity(coercivity), answers.status);
          if (set !== STATUS.ok)
            throw attempt.failure("device.refused", `this encoder does not write ${coercivity} coercivity`);
          await ask(commands.setBits(write), answers.bits(write));
          attempt.effect = "unknown";
        },
        command,
        answers.status,
        attempt,
      );
      if (status === STATUS.ok) return true;
      if (status === STATUS.refused) return false;
      if (status === STATUS.format || status === STATUS.invalid)
        throw attempt.failure("device.refused", "the encoder does not understand the command");
    }
    const other = coercivity === "low" ? "high" : "low";
    throw attempt.failure(
      "card.unwritable",
      `the stripe was not written in ${PULLS_MAX} pulls: pull evenly, or the cards are ${other} coercivity`,
    );
  }

  async #read(attempt: Attempt): Promise<StripeRead> {
    let last: RawBlock | null = null;
    for (let pulls = 1; pulls <= PULLS_MAX; pulls++) {
      last = await this.#session.arm(
        async (ask) => {
          await ask(commands.setBits("raw"), answers.bits("raw"));
        },
        commands.readRaw,
        answers.rawBlock,
        attempt,
      );
      if (last?.status === STATUS.ok && isWhole(last.read)) return last.read;
    }
    // Read again and again and never whole: damage, or somebody's own coding. Whoever asks must know.
    if (last?.status === STATUS.ok) return last.read;
    throw attempt.failure(
      "card.unwritable",
      `the stripe could not be read in ${PULLS_MAX} pulls: pull evenly`,
    );
  }
}

function problemOf(change: StripeChange): string | null {
  if (change.tracks.length === 0) return "there is no track to change";
  if (change.do === "erase") return null;
  const problems = change.tracks.map(({ track, text }) => trackProblem(track, text.reveal()));
  return problems.find((problem) => problem !== null) ?? null;
}
