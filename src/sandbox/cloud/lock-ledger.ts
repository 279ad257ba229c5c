import type { JournalEvent } from "#src/domain/journal";
import type { ObservedCode } from "#src/domain/observed-code";
import { endEvent } from "#src/domain/seam/action-attempt";
import type { EventSubject, SeamEventType } from "#src/domain/seam/event";
import { accessCodeSpec } from "#src/domain/spec";
import type { Commands } from "./commands.js";
import type { CloudObject, Feed } from "./feed.js";
import type { Locks } from "./locks.js";

export interface LockLedgerParts {
  readonly feed: Feed;
  readonly commands: Commands;
  readonly locks: Locks;
  /** `cause` names the fact: the same type and cause is told once. */
  readonly emit: (type: SeamEventType, subject: EventSubject, cause: string, at: number, now: number) => void;
}

interface Position {
  readonly cause: string;
  readonly now: number;
}
type Of<K extends JournalEvent["k"]> = Extract<JournalEvent, { readonly k: K }>;

/** What follows from the gateways' journals for locks and the codes on them. */
export class LockLedger {
  readonly #parts: LockLedgerParts;

  constructor(parts: LockLedgerParts) {
    this.#parts = parts;
  }

  lockObserved({ data }: Of<"lock_observed">): void {
    this.#parts.locks.observe(data.device_id, data.observed);
  }

  lockEvent({ data, t }: Of<"lock_event">, { cause, now }: Position): void {
    this.#parts.emit(data.type, { ...data.more, device_id: data.device_id }, cause, t, now);
  }

  /** Apps hear how locking or unlocking went; of other attempts they do not. */
  attemptEnded(id: string, at: number, now: number): void {
    const attempt = this.#parts.commands.get(id);
    const told = attempt === undefined ? null : endEvent(attempt);
    if (told !== null) this.#parts.emit(told.type, told.subject, id, at, now);
  }

  /** A code when the event cannot be used. */
  codeObserved({ id, data, t }: Of<"code_observed">, { cause, now }: Position): string | null {
    const { feed, emit } = this.#parts;
    if (feed.get("access_code", id) === undefined) return "object.unknown";
    feed.observeCode(id, data.observed);
    const subject = { device_id: data.device_id, access_code_id: id };
    for (const [index, type] of data.events.entries()) {
      emit(type, { ...data.more[type], ...subject }, `${cause}:${index}`, t, now);
    }
    this.#endAttempts(id, data.observed);
    return null;
  }

  /** The code has left its lock for good. */
  codeGone(code: CloudObject, at: number, now: number): void {
    const { commands, emit } = this.#parts;
    const { id, spec, observedCode } = code;
    const subject = { device_id: accessCodeSpec.parse(spec).device_id, access_code_id: id };
    const isManaged = spec["is_managed"] !== false;
    if (isManaged && (observedCode?.status === "set" || observedCode?.status === "removing")) {
      emit("access_code.removed_from_device", subject, `${id}:gone`, at, now);
    }
    emit(isManaged ? "access_code.deleted" : "access_code.unmanaged.removed", subject, id, at, now);
    for (const attempt of commands.pendingOfCode(id)) {
      commands.finish(attempt.id, attempt.actionType === "DELETE_ACCESS_CODE" ? DONE : DELETED);
    }
  }

  /** What the gateway has followed is done, is under way, or has failed. */
  #endAttempts(id: string, { rev, status, errors }: ObservedCode): void {
    const { commands } = this.#parts;
    const [error] = errors;
    const isUnderWay = status === "setting" || status === "removing";
    for (const attempt of commands.pendingOfCode(id)) {
      if (rev < attempt.needsRev) continue;
      if (error !== undefined) {
        const { code: type, message } = error;
        commands.finish(attempt.id, { status: "error", result: null, error: { type, message } });
      } else if (!isUnderWay && attempt.actionType !== "DELETE_ACCESS_CODE")
        commands.finish(attempt.id, DONE);
    }
  }
}

const DONE = { status: "success", result: {}, error: null } as const;
const DELETED = {
  status: "error",
  result: null,
  error: { type: "access_code_deleted", message: "The code was deleted or ended before the lock had it." },
} as const;
