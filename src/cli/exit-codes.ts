/** How every command ends, for scripts. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  inDoubt: 5,
  cancelled: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For the manual. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "Done.",
  failed: "It was tried and failed; the message says what state the card is in.",
  usage: "The command line is not understood.",
  unreachable: "The daemon cannot be reached, or went away before it answered.",
  refused: "Refused before anything was tried: bad input, an unknown name, a mistake in the configuration.",
  inDoubt: "A card may or may not have been written: put it back on the encoder.",
  cancelled: "Cancelled with Ctrl-C.",
};

/** What a command ends with when it cannot do its work. The message is for a person and stands alone. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  /** A stable word for scripts. */
  readonly type: string;

  constructor(exitCode: ExitCode, type: string, message: string) {
    super(message);
    this.exitCode = exitCode;
    this.type = type;
  }
}

export function refused(message: string, type = "invalid_input"): CliError {
  return new CliError(EXIT.refused, type, message);
}
