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
const BAR_CELLS = 24;

interface Entry {
  readonly line: number;
  readonly acs_credential_id: string;
}

interface Row extends Entry {
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
  const entries = await entriesOf(context, lines, options.file);
  const { acs_encoder_id } = await findEncoder(context.client, options.encoder);
  const batch = new Batch(context, { encoderId: acs_encoder_id, overwrite: options.overwrite });
  for (const [index, entry] of entries.entries()) {
    context.output.note(`${barOf(index, entries.length)}  ${index} of ${entries.length}`);
    await batch.do(entry);
    if (batch.end !== null) break;
  }
  return batch.report(entries.length);
}

/** Every name is looked up before the first card is written, and everything wrong is said at once. */
async function entriesOf(
  { client }: CliContext,
  lines: readonly BatchLine[],
  file: string,
): Promise<readonly Entry[]> {
  const found = new Map<string, Entry>();
  const faults: string[] = [];
  for (const { line, credential } of lines) {
    try {
      const acs_credential_id = await findCredential(client, credential);
      const earlier = found.get(acs_credential_id);
      if (earlier !== undefined) faults.push(`line ${line}: the same credential as in line ${earlier.line}`);
      else found.set(acs_credential_id, { line, acs_credential_id });
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.refused) throw error;
      faults.push(`line ${line}: ${error.message}`);
    }
  }
  if (faults.length > 0) throw refused(`${file}:\n${faults.map((fault) => `  ${fault}`).join("\n")}`);
  return [...found.values()];
}

class Batch {
  readonly #context: CliContext;
  readonly #encoderId: string;
  readonly #overwrite: boolean;
  readonly #rows: Row[] = [];
  /** Cards that are finished, or do not fit: the job waits until they are gone. */
  readonly #cardsDone: string[] = [];
  #setAside = 0;
  /** Why the batch ended before its last line. */
  end: CliError | null = null;

  constructor(context: CliContext, at: { readonly encoderId: string; readonly overwrite: boolean }) {
    this.#context = context;
    this.#encoderId = at.encoderId;
    this.#overwrite = at.overwrite;
  }

  async do(entry: Entry): Promise<void> {
    const { client, output } = this.#context;
    const { acs_credential } = await client.call(credentialsGet, {
      acs_credential_id: entry.acs_credential_id,
    });
    if (acs_credential.is_issued === true && acs_credential.is_latest_desired_state_synced_with_provider) {
      const card_number = acs_credential.card_number ?? null;
      this.#add({ ...entry, result: "already_issued", uid: null, card_number, message: null });
      return;
    }
    output.note(`Next: ${acs_credential.display_name} (${entry.acs_credential_id})`);
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
          if (uid === null || ++wrong > WRONG_CARDS_MAX) break;
          this.#setAside++;
          this.#cardsDone.push(uid);
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

  /** One attempt; null when the card is written and checked. */
  async #encode(entry: Entry): Promise<{ readonly error: CliError; readonly uid: string | null } | null> {
    const { client } = this.#context;
    const seen: { uid: string | null } = { uid: null };
    try {
      const { action_attempt } = await client.call(deskEncode, {
        acs_encoder_id: this.#encoderId,
        acs_credential_id: entry.acs_credential_id,
        overwrite: this.#overwrite,
        except_card_uids: this.#cardsDone,
      });
      const result = await followJob(this.#context, action_attempt, {
        credentialId: entry.acs_credential_id,
        onStep: ({ facts }) => {
          if (typeof facts["uid"] === "string") seen.uid = facts["uid"];
        },
      });
      const number = result["card_number"];
      const card_number = typeof number === "string" ? number : null;
      if (seen.uid !== null) this.#cardsDone.push(seen.uid);
      this.#add({ ...entry, result: "written", uid: seen.uid, card_number, message: null });
      return null;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      return { error, uid: seen.uid };
    }
  }

  #add(row: Row): void {
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
  if (type === "incompatible_card_format" || /\[(another_guests_card|card\.unwritable)\]/.test(message))
    return "wrong_card";
  const isEncoderAway = [
    "encoder_not_online",
    "encoder_communication_timeout",
    "bridge_disconnected",
    "acs_encoder_not_found",
  ].includes(type);
  return isEncoderAway ? "end" : "credential";
}

function barOf(done: number, total: number): string {
  const filled = total === 0 ? BAR_CELLS : Math.round((done / total) * BAR_CELLS);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_CELLS - filled)}]`;
}
