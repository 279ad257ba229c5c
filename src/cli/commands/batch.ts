import type { z } from "zod";
import { credentialsGet } from "#src/api/schemas/credentials";
import { deskEncode } from "#src/api/schemas/desk";
import { type BatchLine, batchLines } from "../batch-file.js";
import type { CliContext } from "../context.js";
import { CliError, EXIT, type ExitCode, refused } from "../exit-codes.js";
import { findCredential, findEncoder } from "../find.js";
import { followJob } from "../follow-job.js";

/**
 * Card after card from a list. What the gateway says is issued and in step counts as done, so a batch that was broken
 * off goes on when it is given again.
 */

/** Tries for one credential whose card was taken away in the middle. */
const TRIES_MAX = 3;
/** Cards that do not fit, for one credential. */
const WRONG_CARDS_MAX = 20;
/** So often the wait for a card may run out before it is plain that nobody is there. */
const WAITS_MAX = 10;
/** The newest cards are those that may still lie about; what an older one carries is another guest's. */
const CARDS_KNOWN_MAX = 50;
const BAR_CELLS = 24;

interface Entry {
  readonly line: number;
  readonly acs_credential_id: string;
  /** As it was when it was looked up. */
  readonly credential: Credential;
}
type Credential = z.infer<typeof credentialsGet.output>["acs_credential"];

interface Row extends Omit<Entry, "credential"> {
  readonly result: "written" | "already_issued" | "failed";
  readonly uid: string | null;
  readonly card_number: string | null;
  readonly message: string | null;
}

export interface BatchOptions {
  readonly file: string;
  readonly encoder?: string | undefined;
  readonly overwrite: boolean;
}

export async function encodeBatch(context: CliContext, options: BatchOptions): Promise<ExitCode> {
  const lines = batchLines(context.edge.readText(options.file), options.file);
  const { acs_encoder_id } = await findEncoder(context.client, options.encoder);
  const interrupt = { isAsked: false };
  const stopListening = context.onInterrupt(() => (interrupt.isAsked = true));
  try {
    const entries = await entriesOf(context, lines, options.file, interrupt);
    const batch = new Batch(atOnce(context, interrupt), {
      encoderId: acs_encoder_id,
      overwrite: options.overwrite,
    });
    for (const [index, entry] of entries.entries()) {
      if (interrupt.isAsked) batch.end ??= brokenOff("Broken off; no card was in work.");
      if (batch.end !== null) break;
      await batch.do(entry, `${barOf(index, entries.length)}  ${index} of ${entries.length}`);
    }
    return batch.report(entries.length);
  } finally {
    stopListening();
  }
}

/** A Ctrl-C that came while a job was being asked for counts for that job. */
function atOnce(context: CliContext, interrupt: { readonly isAsked: boolean }): CliContext {
  return {
    ...context,
    onInterrupt(listener) {
      const stop = context.onInterrupt(listener);
      if (interrupt.isAsked) listener();
      return stop;
    },
  };
}

/** So many lines are looked up before a person waits long enough to wonder. */
const LOOKED_UP_QUIETLY = 200;

/** Every credential is looked up before the first card is written, and everything wrong is said at once. */
async function entriesOf(
  { client, output }: CliContext,
  lines: readonly BatchLine[],
  file: string,
  interrupt: { readonly isAsked: boolean },
): Promise<readonly Entry[]> {
  if (lines.length > LOOKED_UP_QUIETLY) output.note(`Looking up ${lines.length} credentials …`);
  const found = new Map<string, Entry>();
  const faults: string[] = [];
  for (const { line, credential: named } of lines) {
    if (interrupt.isAsked) throw brokenOff("Broken off before the first card.");
    try {
      const acs_credential_id = await findCredential(client, named);
      const earlier = found.get(acs_credential_id);
      if (earlier !== undefined) {
        faults.push(`line ${line}: the same credential as in line ${earlier.line}`);
        continue;
      }
      const { acs_credential } = await client.call(credentialsGet, { acs_credential_id });
      found.set(acs_credential_id, { line, acs_credential_id, credential: acs_credential });
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.refused) throw error;
      faults.push(`line ${line}: ${error.message}`);
    }
  }
  if (faults.length > 0) throw refused(`${file}:\n${listed(faults)}`);
  return [...found.values()];
}

/** A wrong file may have a fault in every line. */
const FAULTS_SHOWN_MAX = 50;

function listed(faults: readonly string[]): string {
  const shown = faults.slice(0, FAULTS_SHOWN_MAX).map((fault) => `  ${fault}`);
  const more = faults.length - shown.length;
  return [...shown, ...(more > 0 ? [`  and ${more} more lines`] : [])].join("\n");
}

function brokenOff(message: string): CliError {
  return new CliError(EXIT.cancelled, "cancelled", message);
}

/** What the gateway says is on a card, as it should be: nothing is left to do. */
function hasItsCard({
  is_issued,
  is_latest_desired_state_synced_with_provider: isInStep,
}: Credential): boolean {
  return is_issued === true && isInStep;
}

class Batch {
  readonly #context: CliContext;
  readonly #encoderId: string;
  readonly #overwrite: boolean;
  readonly #rows: Row[] = [];
  /** Cards that are finished, or do not fit: the job waits until they are gone. */
  #cardsDone: readonly string[] = [];
  #setAside = 0;
  /** Why the batch ended before its last line. */
  end: CliError | null = null;

  constructor(context: CliContext, at: { readonly encoderId: string; readonly overwrite: boolean }) {
    this.#context = context;
    this.#encoderId = at.encoderId;
    this.#overwrite = at.overwrite;
  }

  async do(entry: Entry, progress: string): Promise<void> {
    const { output } = this.#context;
    if (hasItsCard(entry.credential)) {
      this.#skip(entry);
      return;
    }
    output.note(progress);
    output.note(`Next: ${entry.credential.display_name} (${entry.acs_credential_id})`);
    await this.#untilDone(entry);
  }

  async #untilDone(entry: Entry): Promise<void> {
    const { output } = this.#context;
    for (let tries = 1, waits = 1, wrong = 0; ;) {
      const failure = await this.#encode(entry);
      if (failure === null) return;
      const { error, uid } = failure;
      switch (kindOf(error)) {
        case "no_card":
          if (++waits <= WAITS_MAX) continue;
          this.end = error;
          break;
        case "wrong_card":
          if (++wrong > WRONG_CARDS_MAX) break;
          this.#setAside++;
          this.#isDone(uid);
          output.note(`${error.message}\nSet this card aside and put another one.`);
          continue;
        case "torn":
          output.note(error.message);
          if (++tries <= TRIES_MAX) continue;
          break;
        case "end":
          this.end = error;
          break;
        case "credential":
          break;
      }
      this.#add({ ...entry, result: "failed", uid, card_number: null, message: error.message });
      return;
    }
  }

  /** One attempt; null when the card is written and checked, or was made elsewhere since the file was read. */
  async #encode(entry: Entry): Promise<{ readonly error: CliError; readonly uid: string | null } | null> {
    const { client } = this.#context;
    const seen: { uid: string | null } = { uid: null };
    try {
      const { acs_credential_id } = entry;
      const { acs_credential } = await client.call(credentialsGet, { acs_credential_id });
      if (hasItsCard(acs_credential)) {
        this.#skip({ ...entry, credential: acs_credential });
        return null;
      }
      const { action_attempt } = await client.call(deskEncode, {
        acs_encoder_id: this.#encoderId,
        acs_credential_id,
        overwrite: this.#overwrite,
        except_card_uids: [...this.#cardsDone],
      });
      const result = await followJob(this.#context, action_attempt, {
        credentialId: acs_credential_id,
        onStep: ({ facts }) => {
          if (typeof facts["uid"] === "string") seen.uid = facts["uid"];
        },
      });
      const number = result["card_number"];
      const card_number = typeof number === "string" ? number : null;
      this.#isDone(seen.uid);
      this.#add({ ...entry, result: "written", uid: seen.uid, card_number, message: null });
      return null;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { error, uid: seen.uid };
    }
  }

  #skip(entry: Entry): void {
    const card_number = entry.credential.card_number ?? null;
    this.#add({ ...entry, result: "already_issued", uid: null, card_number, message: null });
  }

  /** A stripe has no number that the job would know it by: what it carries is another guest's then. */
  #isDone(uid: string | null): void {
    if (uid !== null) this.#cardsDone = [...this.#cardsDone, uid].slice(-CARDS_KNOWN_MAX);
  }

  #add({ line, acs_credential_id, result, uid, card_number, message }: Row): void {
    const row: Row = { line, acs_credential_id, result, uid, card_number, message };
    this.#rows.push(row);
    if (row.result === "failed") this.#context.output.note(`Not written: ${row.message ?? ""}`);
  }

  /** What became of every line; the exit code says whether anything is left to do. */
  report(total: number): ExitCode {
    const { output } = this.#context;
    const count = (result: Row["result"]) => this.#rows.filter((row) => row.result === result).length;
    const failed = this.#rows.filter(({ result }) => result === "failed");
    const left = total - this.#rows.length;
    output.note(`${barOf(this.#rows.length, total)}  ${this.#rows.length} of ${total}`);
    output.list(this.#rows, {
      columns: {
        LINE: ({ line }) => String(line),
        CREDENTIAL: ({ acs_credential_id }) => acs_credential_id,
        RESULT: ({ result }) => result.replaceAll("_", " "),
        CARD: ({ uid }) => uid ?? "",
        "CARD NUMBER": ({ card_number }) => card_number ?? "",
        WHY: ({ message }) => message ?? "",
      },
      empty: "Nothing was done.",
    });
    output.note(
      `${count("written")} written, ${count("already_issued")} had their card, ${failed.length} failed, ${left} not tried; ${this.#setAside} cards set aside.`,
    );
    if (failed.length + left > 0) output.note("Give the same file again to go on with what is left.");
    if (this.end !== null) {
      output.note(this.end.message);
      return this.end.exitCode;
    }
    return failed.length === 0 ? EXIT.ok : EXIT.failed;
  }
}

/** What a failure says about the batch: who or what has to change before it can go on. */
function kindOf({
  type,
  exitCode,
  message,
}: CliError): "no_card" | "wrong_card" | "torn" | "end" | "credential" {
  if (exitCode === EXIT.cancelled || exitCode === EXIT.unreachable || type === "cancelled") return "end";
  if (exitCode === EXIT.inDoubt) return "torn";
  if (type === "no_credential_on_encoder") return "no_card";
  const codes = [...message.matchAll(/\[([a-z_.]+)\]/g)].map(([, code = ""]) => code);
  if (codes.some((code) => WRONG_CARD.has(code))) return "wrong_card";
  return [type, ...codes].some((why) => ENDS.has(why)) ? "end" : "credential";
}

const WRONG_CARD: ReadonlySet<string> = new Set(["card.unwritable", "another_guests_card"]);

/** What the next credential would fail with as well: types of errors, and codes in their messages. */
const ENDS: ReadonlySet<string> = new Set([
  "encoder_not_online",
  "encoder_communication_timeout",
  "bridge_disconnected",
  "acs_encoder_not_found",
  "too_many_requests",
  "storage_full",
  "time_unknown",
  "offline_limit",
  "no_keys",
  "no_card_profile",
]);

function barOf(done: number, total: number): string {
  const filled = total === 0 ? BAR_CELLS : Math.round((done / total) * BAR_CELLS);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_CELLS - filled)}]`;
}
