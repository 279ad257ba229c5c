import type { Syscall } from "./syscalls.js";

const WAL = /\.db-wal$/;
const WAL_FRAME_HEADER_BYTES = 24;
const SYNCS = new Set(["fsync", "fdatasync"]);
/** WRITE of a MIFARE Classic or compatible card, and of an NTAG. */
const CARD_WRITES = new Set([0xa0, 0xa2]);

/**
 * Why a trace does not prove that the intent was on the disk before the first byte of the card write left; null when
 * it does: the log had been synced with the transaction that holds the intent, and only after the sync had returned
 * did the frame go out.
 */
export function orderFault(calls: readonly Syscall[]): string | null {
  const cardWrite = calls.find(isCardWrite);
  if (cardWrite === undefined) return "no card was written";
  const sync = syncOf(calls, '"k":"intent"', "intent");
  if (typeof sync === "string") return sync;
  return sync.end < cardWrite.begin
    ? null
    : "the card write began before the sync of the intent had returned";
}

/** Likewise for the answer to a change, which names what was made. */
export function answerFault(calls: readonly Syscall[], id: string): string | null {
  const answer = calls.find(
    ({ name, data }) => name.startsWith("write") && data.includes("HTTP/1.1 200") && data.includes(id),
  );
  if (answer === undefined) return "nothing was answered";
  const sync = syncOf(calls, id, "change");
  if (typeof sync === "string") return sync;
  return sync.end < answer.begin ? null : "the answer began before the sync of the change had returned";
}

/** The sync of the whole transaction that first wrote this text, or why there is none. */
function syncOf(calls: readonly Syscall[], text: string, what: string): Syscall | string {
  const log = calls.filter(({ name, path }) => name === "pwrite64" && WAL.test(path));
  const written = log.findIndex(({ data }) => data.includes(text));
  const page = log[written];
  if (page === undefined) return `no ${what} was written to the log`;
  // A frame is its header and then its page. The header of a transaction's last frame says how large the database is.
  const commit = log.findIndex((call, index) => index >= written - 1 && isCommit(call));
  const lastPage = log[commit + 1];
  if (commit < 0 || lastPage === undefined) return `the transaction of the ${what} was not finished`;
  const sync = calls.find(
    ({ name, path, begin, result }) =>
      SYNCS.has(name) && path === page.path && begin > lastPage.end && result === 0,
  );
  return sync ?? `the log was not synced after the ${what}`;
}

/** A PN532 frame that asks a card to write: `00 FF len lcs D4 40 target A0|A2 …` (NXP UM0701-02, 6.2.1 and 7.3.8). */
export function isCardWrite({ name, data }: Syscall): boolean {
  if (!name.startsWith("write")) return false;
  return data.some((byte, at) => {
    const [ff, length = 0, check = 0, direction, command, , opcode = 0] = data.subarray(at + 1, at + 8);
    const isFrame = byte === 0x00 && ff === 0xff && ((length + check) & 0xff) === 0;
    return isFrame && direction === 0xd4 && command === 0x40 && CARD_WRITES.has(opcode);
  });
}

/** Bytes 4–7 of a frame's header (SQLite file format, 4.1). */
function isCommit({ data }: Syscall): boolean {
  return data.length === WAL_FRAME_HEADER_BYTES && data.readUInt32BE(4) !== 0;
}
