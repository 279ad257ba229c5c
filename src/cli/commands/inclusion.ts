import type { Command } from "commander";
import type { z } from "zod";
import {
  type inclusion,
  locksExclude,
  locksInclude,
  locksInclusionCancel,
  locksInclusionGet,
  locksInclusionPin,
} from "#src/api/schemas/inclusion";
import type { CliContext } from "../context.js";
import { CliError, EXIT, refused } from "../exit-codes.js";
import { sentence } from "../follow-job.js";
import { pinFrom } from "../pin.js";
import type { AddCommand } from "../program.js";

type Inclusion = z.infer<typeof inclusion>;
/** Answers the PIN; null: the person has none. */
type AskPin = (dsk: string, signal: AbortSignal) => Promise<string | null>;

const DSK_PIN = /^[0-9]{5}$/;
const DEVICE = ["--device <device>", "key of the radio stick (not needed when there is only one)"] as const;

interface IncludeOptions {
  readonly device?: string;
  readonly smartStart?: string;
  readonly pinFile?: string;
}

/** Brings locks into the network of a radio stick, and takes them out. */
export function inclusionCommands(locks: Command, add: AddCommand): void {
  add(
    locks
      .command("include")
      .description("take a lock into the network of a radio stick, with you standing at the lock")
      .option(...DEVICE)
      .option(
        "--smart-start <file>",
        "file with the text of the lock's SmartStart QR code, readable by its owner alone; - for the standard input",
      )
      .option(
        "--pin-file <file>",
        "file with the five digits that the lock's label shows, readable by its owner alone; without it they are asked for",
      ),
    async (context, _, { device, smartStart, pinFile }: IncludeOptions) => {
      const { client, edge, output } = context;
      const qr_code = smartStart === undefined ? undefined : edge.readSecretText(smartStart).trim();
      // A mistake in the file is better known before the lock waits for it.
      const kept = pinFile === undefined ? undefined : pinFrom(edge, pinFile);
      if (kept !== undefined && !DSK_PIN.test(kept))
        throw refused("The PIN of a lock's label has five digits.");
      const { inclusion: begun } = await client.call(locksInclude, { device, qr_code });
      const ended = await follow(context, begun, (dsk, signal) =>
        kept === undefined ? askPin(context, dsk, signal) : Promise.resolve(kept),
      );
      const { included } = ended;
      if (included === null) throw new CliError(EXIT.failed, "unknown_answer", "The daemon names no lock.");
      output.say(
        ended,
        [
          `${included.model} is included with ${included.security}, as ${included.unit}.`,
          "Put it into the configuration, at the entrance that it locks:",
          `  keypad: ${included.unit}`,
          "or, when it belongs to no entrance:",
          `  locks: { my-lock: { name: My lock, unit: ${included.unit} } }`,
          "Then restart the service to apply it.",
        ].join("\n"),
      );
    },
  );

  add(
    locks
      .command("exclude")
      .description("take a lock out of its network, also out of another one's, with you standing at the lock")
      .option(...DEVICE),
    async (context, _, { device }: Pick<IncludeOptions, "device">) => {
      const { inclusion: begun } = await context.client.call(locksExclude, { device });
      const ended = await follow(context, begun, () => Promise.resolve(null));
      context.output.say(
        ended,
        ended.excluded_unit === null
          ? "A lock that was of another network is excluded."
          : `${ended.excluded_unit} is excluded. Take it out of the configuration too.`,
      );
    },
  );
}

/** Says every step, and gives the last state. Ctrl-C cancels; a second one only stops watching. */
async function follow(
  { client, output, onInterrupt }: CliContext,
  begun: Inclusion,
  pinFor: AskPin,
): Promise<Inclusion> {
  const { inclusion_id } = begun;
  const interrupted = new AbortController();
  let giveUp = (): void => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = () =>
      reject(new CliError(EXIT.cancelled, "cancelled", "Stopped watching: the lock may have joined."));
  });
  givenUp.catch(() => undefined);
  const stopListening = onInterrupt(() => {
    if (interrupted.signal.aborted) {
      giveUp();
      return;
    }
    interrupted.abort();
    output.note("Cancelling … (Ctrl-C again to stop watching)");
    // Too late, or the daemon is gone: how it ended is told by its state.
    client.call(locksInclusionCancel, { inclusion_id }).catch(() => undefined);
  });
  try {
    let said = "";
    for (let now = begun; ; now = await Promise.race([next(now.version), givenUp])) {
      if (now.step === "done") return now;
      if (now.step === "failed") throw failureOf(now, interrupted.signal.aborted);
      if (now.say !== said) output.say(now, (said = now.say));
      if (now.step === "needs_pin" && !interrupted.signal.aborted) await answer(now.dsk ?? "");
    }
  } finally {
    stopListening();
  }

  async function next(after: number): Promise<Inclusion> {
    return (await client.call(locksInclusionGet, { inclusion_id, after })).inclusion;
  }

  async function answer(dsk: string): Promise<void> {
    const pin = await pinFor(dsk, interrupted.signal);
    if (!interrupted.signal.aborted) await client.call(locksInclusionPin, { inclusion_id, pin });
  }
}

function failureOf({ error }: Inclusion, isCancelled: boolean): CliError {
  const { type, message } = error ?? { type: "unknown", message: "it did not work" };
  return isCancelled
    ? new CliError(EXIT.cancelled, "cancelled", sentence(message))
    : new CliError(EXIT.failed, type, sentence(message));
}

/** Only a person at a terminal can be asked. */
async function askPin(
  { edge, output }: CliContext,
  dsk: string,
  signal: AbortSignal,
): Promise<string | null> {
  output.note(`Its label shows a key that goes on like this: ${dsk}`);
  for (;;) {
    const typed = await edge.ask("The five digits in front (empty: unknown): ", signal);
    if (typed === null) {
      if (!signal.aborted) output.note("Nobody is there to be asked: give the digits with --pin-file.");
      return null;
    }
    const pin = typed.trim();
    if (pin === "") return null;
    if (DSK_PIN.test(pin)) return pin;
    output.note("Those are not five digits.");
  }
}
