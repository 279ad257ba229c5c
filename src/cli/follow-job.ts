import { z } from "zod";
import type { jobProgress } from "#src/api/schemas/desk";
import { deskCredentialGet, jobsCancel, jobsStream } from "#src/api/schemas/desk";
import type { actionAttempt } from "#src/api/schemas/objects";
import { type DaemonClient, understood } from "./daemon-client.js";
import { CliError, EXIT } from "./exit-codes.js";
import type { Output } from "./output.js";

export type Attempt = z.infer<typeof actionAttempt>;

const cancelOutcome = z.looseObject({ state: z.string(), message: z.string() });
const doubtFacts = z.looseObject({ doubt: z.looseObject({}).nullable().optional() });

export interface JobContext {
  readonly client: DaemonClient;
  readonly output: Output;
  /** Calls `listener` at Ctrl-C until the returned function is called. */
  readonly onInterrupt: (listener: () => void) => () => void;
}

/**
 * Shows a job live until it has ended and gives its result. Ctrl-C cancels it through the daemon, which says what
 * state the card is in; a second Ctrl-C stops watching. Throws `CliError` when the job did not succeed.
 */
export async function followJob(
  context: JobContext,
  begun: Attempt,
  about: {
    readonly credentialId: string | null;
    /** Hears every step before it is said. */
    readonly onStep?: (progress: z.infer<typeof jobProgress>) => void;
  },
): Promise<Record<string, unknown>> {
  const { client, output } = context;
  const watching = new AbortController();
  const cancelling: { answer?: Promise<string | null>; isGivenUp: boolean } = { isGivenUp: false };
  const stopListening = context.onInterrupt(() => {
    if (cancelling.answer !== undefined) {
      cancelling.isGivenUp = true;
      watching.abort();
      return;
    }
    output.note("Cancelling … (Ctrl-C again to stop watching)");
    cancelling.answer = cancel(client, begun.action_attempt_id).catch((error: unknown) => {
      // Too late, or the daemon is gone: what became of the job is told by its stream.
      if (error instanceof CliError) output.note(error.message);
      return null;
    });
  });
  try {
    const ended = await lastOf(context, begun, { signal: watching.signal, onStep: about.onStep });
    if (cancelling.isGivenUp) throw stoppedWatching(begun.action_attempt_id);
    const message = await (cancelling.answer ?? null);
    if (message !== null) throw await afterCancel(client, message, about.credentialId);
    if (ended === undefined) throw lostSight(begun.action_attempt_id);
    if (ended.error !== null) throw await failureOf(client, ended.error, about.credentialId);
    return ended.result ?? {};
  } finally {
    stopListening();
  }
}

/** Says every step; gives the finished attempt, or undefined when the stream ended before the job. */
async function lastOf(
  { client, output }: JobContext,
  begun: Attempt,
  {
    signal,
    onStep,
  }: {
    readonly signal: AbortSignal;
    readonly onStep: ((progress: z.infer<typeof jobProgress>) => void) | undefined;
  },
): Promise<Attempt | undefined> {
  if (begun.status !== "pending") return begun;
  for await (const progress of client.stream(jobsStream, { id: begun.action_attempt_id }, signal)) {
    if (progress.action_attempt !== null) return progress.action_attempt;
    onStep?.(progress);
    output.say(progress, wordsOf(progress));
  }
  return undefined;
}

function wordsOf({ say, facts }: z.infer<typeof jobProgress>): string {
  const seen = ["technology", "uid"].flatMap((name) =>
    typeof facts[name] === "string" ? [facts[name]] : [],
  );
  return seen.length === 0 ? say : `${say} (${seen.join(" ")})`;
}

async function cancel(client: DaemonClient, id: string): Promise<string> {
  const { outcome } = await client.call(jobsCancel, { id });
  return understood(cancelOutcome, outcome, "cancel").message;
}

async function afterCancel(
  client: DaemonClient,
  message: string,
  credentialId: string | null,
): Promise<CliError> {
  const isInDoubt = await inDoubt(client, credentialId);
  return new CliError(isInDoubt ? EXIT.inDoubt : EXIT.cancelled, "cancelled", sentence(message));
}

async function failureOf(
  client: DaemonClient,
  error: { readonly type: string; readonly message: string },
  credentialId: string | null,
): Promise<CliError> {
  const isInDoubt = error.type === "encoding_interrupted" || (await inDoubt(client, credentialId));
  return new CliError(isInDoubt ? EXIT.inDoubt : EXIT.failed, error.type, sentence(error.message));
}

/** Does the gateway itself not know what is on a card of this credential? */
async function inDoubt(client: DaemonClient, credentialId: string | null): Promise<boolean> {
  if (credentialId === null) return false;
  const { credential } = await client.call(deskCredentialGet, { acs_credential_id: credentialId });
  return understood(doubtFacts, credential, "credentials").doubt != null;
}

function stoppedWatching(id: string): CliError {
  return new CliError(
    EXIT.cancelled,
    "cancelled",
    `Stopped watching. Whether job ${id} was cancelled in time is in the credential's state.`,
  );
}

function lostSight(id: string): CliError {
  return new CliError(
    EXIT.unreachable,
    "daemon_unreachable",
    `The daemon stopped telling before job ${id} ended; what became of it is in the credential's state.`,
  );
}

export function sentence(text: string): string {
  const first = text.slice(0, 1).toUpperCase();
  return `${first}${text.slice(1)}${/[.!?\]]$/.test(text) ? "" : "."}`;
}
