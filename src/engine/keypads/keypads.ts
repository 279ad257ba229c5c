import { DriverError, type KeypadLock, type LockEvent } from "#driver-api";
import type { InventoryLock } from "#src/domain/inventory";
import { accessCodeSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import type { ObjectRow } from "../ports.js";
import type { Cause, EngineTransaction } from "../transaction.js";
import { Doors } from "../doors/doors.js";
import { standingOf, noteLockEvent, notePresence } from "./lock-facts.js";
import { LockWorker } from "./lock-worker.js";
import { objectOf } from "./owner.js";
import { poolChanges } from "./pool.js";
import { settleCode } from "./settle-code.js";
import { reconsiderCode } from "./step-code.js";
import { reconsiderCredential } from "./step-credential.js";
import { type CodeDocument, unmanagedChanges } from "./unmanaged.js";
import { useUp } from "./use-up.js";

/** A change of the site to an access code or a PIN credential. */
export type LocalCode = Omit<CodeDocument, "kind"> & { readonly kind: "access_code" | "acs_credential" };

export interface KeypadsParts {
  readonly deps: EngineDeps;
  readonly transact: <T>(cause: Cause, work: (tx: EngineTransaction) => T) => T;
  readonly group: <T>(work: () => T) => T;
  readonly localChanges: (documents: readonly LocalCode[], cause: Cause, what: string) => void;
}

/** Everything about codes on locks: one worker a lock, and what happens because time passes or a lock says so. */
export class Keypads {
  readonly #parts: KeypadsParts;
  readonly #workers = new Map<string, LockWorker>();
  /** Doors that the gateway decides over. */
  readonly doors: Doors;
  /** Units that are listened to, and how to stop. */
  readonly #heard = new Map<string, { readonly keypad: KeypadLock; readonly stop: () => void }>();
  /** Since when (monotonic) a lock is away. */
  readonly #awaySince = new Map<string, number>();
  readonly #readAt = new Map<string, number>();
  readonly #standing = new Map<string, string>();
  #stopHearing = (): void => undefined;
  #isStopped = false;

  constructor(parts: KeypadsParts) {
    this.#parts = parts;
    this.doors = new Doors(parts);
    for (const lock of parts.deps.inventory.locks) {
      const worker = new LockWorker(
        {
          deps: parts.deps,
          transact: parts.transact,
          group: parts.group,
          onForeign: (lockId) => this.#foreign(lockId),
        },
        lock,
      );
      this.#workers.set(lock.id, worker);
    }
  }

  /** Listens to the locks from now on. */
  start(): void {
    const { devices } = this.#parts.deps;
    this.#stopHearing = devices.onChange(({ key }) => this.#look(key));
    this.#look();
  }

  /** Ends what is under way at the locks; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopHearing();
    for (const { stop } of this.#heard.values()) stop();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /** Something is wanted otherwise on these locks. */
  wake(lockIds: Iterable<string>): void {
    if (this.#isStopped) return;
    for (const id of lockIds) this.#workers.get(id)?.wake();
  }

  /** Whatever rests on the lock is tried again at once; undefined: there is no such lock. */
  retry(lockId: string): number | undefined {
    return this.#workers.get(lockId)?.retry();
  }

  // ── Presence ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** `device`: at its locks only. */
  #look(device?: string): void {
    for (const lock of this.#parts.deps.inventory.locks) {
      if (device === undefined || lock.unit.split("/")[0] === device) this.#lookAt(lock);
    }
  }

  /** Is something else wrong with it than it was? */
  #isNews(lock: InventoryLock): boolean {
    const standing = standingOf(this.#parts.deps, lock);
    if (standing === null || standing === this.#standing.get(lock.id)) return false;
    this.#standing.set(lock.id, standing);
    return true;
  }

  #lookAt(lock: InventoryLock): void {
    const { deps, transact } = this.#parts;
    const keypad = deps.devices.capabilities(lock.unit)?.keypadLock;
    const heard = this.#heard.get(lock.id);
    if (heard !== undefined && heard.keypad === keypad) {
      if (this.#isNews(lock)) transact({}, (tx) => notePresence(deps, tx, lock));
      return;
    }
    heard?.stop();
    this.#heard.delete(lock.id);
    const now = deps.clock.monotonic();
    if (keypad === undefined) {
      const isAwayStill = heard === undefined && this.#awaySince.has(lock.id);
      if (isAwayStill && !this.#isNews(lock)) return;
      if (!isAwayStill) this.#awaySince.set(lock.id, now);
      transact({}, (tx) => notePresence(deps, tx, lock));
      this.#workers.get(lock.id)?.settleAll();
      return;
    }
    const stop =
      keypad.codes === "on_device"
        ? keypad.onEvent((event) => this.#happened(lock, event))
        : this.doors.listen(lock, keypad);
    this.#heard.set(lock.id, { keypad, stop });
    const away = this.#awaySince.get(lock.id);
    this.#awaySince.delete(lock.id);
    transact({}, (tx) => this.#arrived(tx, lock));
    this.#readAt.set(lock.id, now);
    const worker = this.#workers.get(lock.id);
    worker?.settleAll();
    worker?.readAgain(away !== undefined && now - away >= LONG_AWAY_MS);
  }

  /** Who sees to the times of its codes may be another now. */
  #arrived(tx: EngineTransaction, lock: InventoryLock): void {
    const { deps } = this.#parts;
    const { keypads, objects } = deps.store;
    const before = keypads.lock(lock.id)?.observed.keypad?.hasSchedule ?? false;
    notePresence(deps, tx, lock);
    if ((keypads.lock(lock.id)?.observed.keypad?.hasSchedule ?? false) === before) return;
    const codes = objects.list("access_code", { systemId: lock.id, isManaged: true, limit: CODES_MAX });
    for (const row of codes) reconsiderCode(deps, tx, row);
  }

  #happened(lock: InventoryLock, event: LockEvent): void {
    const { deps, transact } = this.#parts;
    try {
      if (event.type === "slot.changed") this.#workers.get(lock.id)?.changedAtLock(event.slot);
      else transact({}, (tx) => noteLockEvent(deps, tx, lock, event));
      if (event.type === "unlocked" && event.method === "keycode") this.#useOnce(lock, event.slot);
    } catch (error) {
      // That it could not be written down, as on a full disk, is no business of the driver that tells it.
      deps.log.error({ event: "keypad.news_lost", lock: lock.key, err: error }, "news of a lock was lost");
    }
  }

  /** A lock cannot be told that a code opens once: it is taken off after its first use. */
  #useOnce(lock: InventoryLock, number: number | null): void {
    const { store } = this.#parts.deps;
    const owner = store.keypads.slots(lock.id).find(({ slot }) => slot.slot === number)?.slot.owner ?? null;
    if (owner === null) return;
    const { kind, id } = objectOf(owner);
    if (store.objects.get(kind, id)?.spec["is_one_time_use"] === true) useUp(this.#parts, owner);
  }

  /** Every code that somebody else put on the lock gets an object, and only those have one. */
  #foreign(lockId: string): void {
    const { deps, transact, localChanges } = this.#parts;
    const worker = this.#workers.get(lockId);
    if (worker === undefined) return;
    const changes = unmanagedChanges(deps, lockId, worker.foreign);
    worker.foreign.clear();
    if (changes.length === 0) return;
    transact({}, () => {
      for (const { document, place } of changes) {
        deps.store.keypads.putSlot({ ...place, unmanagedId: document.id });
      }
    });
    localChanges(
      changes.map(({ document }) => document),
      { opBy: "lock" },
      "saw a code change at a lock",
    );
  }

  // ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the mere passing of time brings: call it every few seconds. */
  turn(): void {
    const { deps, transact } = this.#parts;
    const { keypads } = deps.store;
    const { now } = deps.time.read();
    for (const { kind, id } of keypads.openingsDue(now, BATCH)) {
      const row = deps.store.objects.get(kind, id);
      transact({}, (tx) => {
        keypads.setOpening(kind, id, null);
        if (row !== undefined) this.reconsider(tx, row);
      });
    }
    for (const id of keypads.underWay()) this.#lookAtLate(id, now);
    this.#readNightly();
    this.doors.turn();
    for (const lock of deps.inventory.locks) this.#fillPool(lock);
  }

  /** Its window opened or ended. */
  reconsider(tx: EngineTransaction, row: ObjectRow): void {
    const { deps } = this.#parts;
    if (row.kind === "access_code") {
      this.doors.noteEnd(row);
      reconsiderCode(deps, tx, row);
    } else if (row.kind === "acs_credential") reconsiderCredential(deps, tx, row);
  }

  /** A code that is long on its way says so, and whoever waits for it is told that it takes longer. */
  #lookAtLate(id: string, now: number): void {
    const { deps, transact } = this.#parts;
    const life = deps.store.keypads.life(id);
    if (life === undefined || now - life.since < LATE_LOOK_MS) return;
    transact({}, (tx) => {
      settleCode(deps, tx, id);
      for (const attempt of deps.store.attempts.pendingOfCode(id)) {
        if (now - attempt.createdAt < deps.limits.attemptMs) continue;
        const message =
          "the lock has not done it yet; it goes on trying, and the access code says how it stands";
        const error = { type: "action_attempt_expired", message };
        tx.finishAttempt(attempt.id, { status: "error", result: null, error });
      }
    });
  }

  /** Once a day everything is looked at. */
  #readNightly(): void {
    const now = this.#parts.deps.clock.monotonic();
    for (const [lockId, at] of this.#readAt) {
      if (now - at < READ_ALL_EVERY_MS || !this.#heard.has(lockId)) continue;
      this.#readAt.set(lockId, now);
      this.#workers.get(lockId)?.readDaily();
    }
  }

  #fillPool(lock: InventoryLock): void {
    const { deps, localChanges } = this.#parts;
    if (lock.backupCodes === 0) return;
    const documents = poolChanges(deps, lock);
    if (documents.length > 0) localChanges(documents, { opBy: "gateway" }, "saw to the pool of backup codes");
  }

  // ── The door itself ──────────────────────────────────────────────────────────────────────────────────────────

  /** Locks or unlocks now. Rejects with DriverError. */
  async turnBolt(lockId: string, to: "lock" | "unlock", signal: AbortSignal): Promise<void> {
    const { deps } = this.#parts;
    const lock = deps.inventory.locks.find(({ id }) => id === lockId);
    await deps.devices.use(lock?.unit ?? "", signal, async ({ keypadLock }) => {
      if (keypadLock === undefined) throw new DriverError("device.wrong", "none", "the unit is no lock");
      if (keypadLock.codes === "on_device") return keypadLock[to]({ signal });
      if (to === "unlock") {
        await keypadLock.grant(deps.doors?.get(lock?.unit ?? "")?.openMs ?? GRANT_MS, { signal });
        if (lock !== undefined) this.doors.noteRemote(lock);
        return;
      }
      throw new DriverError("device.wrong", "none", "a door that the gateway opens locks by itself");
    });
  }

  /** Is there a lock that this code names? */
  lockOf(row: ObjectRow): InventoryLock | undefined {
    const { device_id: id } = accessCodeSpec.parse(row.spec);
    return this.#parts.deps.inventory.locks.find((lock) => lock.id === id);
  }
}

const BATCH = 50;
/** Far more codes than a lock has slots. */
const CODES_MAX = 2_000;
/** A lock that was away for so long may have been repaired: what rests is tried again. */
const LONG_AWAY_MS = 60_000;
const LATE_LOOK_MS = 60_000;
const READ_ALL_EVERY_MS = 24 * 3_600_000;
/** How long a door that the gateway decides over stays open. */
const GRANT_MS = 5_000;
