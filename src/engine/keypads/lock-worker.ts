import { DriverError, type OnDeviceKeypad, type SlotContent } from "#driver-api";
import type { CodePlan, CodeStep } from "#src/domain/codes/plan";
import type { LockWindow } from "#src/domain/codes/schedule";
import {
  failed,
  type Found,
  isTired,
  ordered,
  outdated,
  read,
  refreshed,
  reported,
  rested,
  type Slot,
  unknownSlot,
  unreadable,
} from "#src/domain/codes/slot";
import type { InventoryLock } from "#src/domain/inventory";
import { canonicalJson } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { EngineDeps } from "../engine-deps.js";
import type { LockSlot } from "../ports.js";
import { reserveRefusal } from "../reserve.js";
import type { Cause, EngineTransaction } from "../transaction.js";
import { callLock } from "./call-lock.js";
import { LockClock } from "./lock-clock.js";
import { isLock, lockFailed, sentenceOf, wasAsked } from "./lock-error.js";
import { noteLockState } from "./lock-facts.js";
import { LockSum } from "./lock-sum.js";
import { type LockTalk, orderSlot, readSlot } from "./lock-talk.js";
import { planOf } from "./lock-plan.js";
import { objectOf } from "./owner.js";
import { foundIn, settleLock, storeSlot, turnWindowDown } from "./slot-change.js";

export interface WorkerParts {
  readonly deps: EngineDeps;
  readonly transact: <T>(cause: Cause, work: (tx: EngineTransaction) => T) => T;
  /** As `Engine.group`. */
  readonly group: <T>(work: () => T) => T;
  /** Called when slots that are not ours were read: what lies in them may be news. */
  readonly onForeign: (lockId: string) => void;
}

type OrderStep = Extract<CodeStep, { readonly do: "write" | "clear" }>;

/** An order that is on disk and was not given yet; `code: null` empties the slot. */
interface Intent {
  /** The slot as it was before. */
  readonly before: Slot;
  readonly id: string;
  readonly code: Secret<string> | null;
  readonly window: LockWindow | null;
}

interface Next {
  readonly plan: CodePlan;
  readonly step: CodeStep | undefined;
  readonly intent: Intent | "no room" | null;
}

/** After a step that failed the next one waits, so that a lock that answers nothing is not hammered. */
const PAUSE_MS = 2_000;
const STORE_AGAIN_MS = 5_000;
/** No PIN is put on a lock while the disk is nearly full: so long until it is looked at again. */
const ROOM_AGAIN_MS = 10_000;

/**
 * Brings one lock in line with what is wanted there: one step at a time, each planned anew from what is stored. What a
 * step orders is on disk before the first byte leaves, so a crash leaves an open order, and reading tells what became
 * of it.
 */
export class LockWorker {
  readonly #parts: WorkerParts;
  readonly #lock: InventoryLock;
  readonly #stop = new AbortController();
  #isRunning = false;
  #isWoken = false;
  #cancelTimer = (): void => undefined;
  #running: Promise<void> = Promise.resolve();
  /**
   * The slot that an order is under way for: what the lock says of it then is our own doing. `hasNews`: it told of a
   * change there, or in some slot, that may be somebody else's after all.
   */
  #busy: { readonly slot: number; hasNews: boolean } | null = null;
  /** Stores what the last order came to: it waits for the next plan, which is made at once. */
  #answered: (() => void) | null = null;
  /** To be read again; after a restart all are. */
  readonly #unread = new Set<number>();
  /** PINs that were read in slots that are not ours, until objects stand for them. */
  readonly foreign = new Map<number, Secret<string>>();

  readonly #clock: LockClock;
  readonly #sum: LockSum;
  #isDayOver = false;
  #isStateOld = true;

  constructor(parts: WorkerParts, lock: InventoryLock) {
    this.#parts = parts;
    this.#lock = lock;
    this.#clock = new LockClock(parts.deps);
    this.#sum = new LockSum(parts.deps.clock);
  }

  /** Looks whether there is something to do. Cheap when there is not. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isRunning || this.#stop.signal.aborted) return;
    this.#isRunning = true;
    this.#running = this.#run().catch((error: unknown) => {
      // A full disk heals; what could not be stored of an order is found out by reading.
      const { log } = this.#parts.deps;
      log.error(
        { event: "keypad.not_stored", lock: this.#lock.key, err: error },
        "a step at a lock was lost",
      );
      this.#wakeIn(STORE_AGAIN_MS);
    });
  }

  /** Ends what is under way and resolves when it has ended. */
  async stop(): Promise<void> {
    this.#cancelTimer();
    this.#stop.abort(new DriverError("call.cancelled", "none", "the gateway is stopping"));
    await this.#running;
  }

  /**
   * Every slot is read again before it is judged; what reads as it was is not written down. `isRefreshed`: what rests is
   * tried again, too.
   */
  readAgain(isRefreshed: boolean): void {
    this.#clock.forget();
    this.#sum.forget(true);
    this.#isStateOld = true;
    for (const { slot } of this.#parts.deps.store.keypads.slots(this.#lock.id)) this.#unread.add(slot.slot);
    if (isRefreshed) this.retry();
    else this.wake();
  }

  /** Frames get lost, and not every lock tells of every change: everything is read, unless a checksum saves it. */
  readDaily(): void {
    this.#isDayOver = true;
    this.wake();
  }

  /** A person says so: whatever rests is tried again. Returns how many slots did. */
  retry(): number {
    const { deps, transact } = this.#parts;
    const resting = deps.store.keypads.slots(this.#lock.id).filter(({ slot }) => refreshed(slot) !== slot);
    transact({}, (tx) => {
      for (const before of resting) storeSlot(deps, tx, { before, after: refreshed(before.slot) });
    });
    this.wake();
    return resting.length;
  }

  /** The lock says that somebody changed a slot; null: some slot, which during an order is taken for its echo. */
  changedAtLock(slot: number | null): void {
    const { deps, transact } = this.#parts;
    const busy = this.#busy;
    if (busy !== null && (slot === null || slot === busy.slot)) busy.hasNews = true;
    if (slot === null && busy !== null) return;
    this.#sum.forget();
    transact({}, () => {
      for (const known of deps.store.keypads.slots(this.#lock.id)) {
        if (slot !== null && known.slot.slot !== slot) continue;
        const isOwnDoing = known.slot.slot === busy?.slot;
        deps.store.keypads.putSlot({ ...known, slot: outdated(known.slot, slot !== null && !isOwnDoing) });
      }
    });
    this.wake();
  }

  async #run(): Promise<void> {
    const { deps, onForeign } = this.#parts;
    this.#cancelTimer();
    try {
      while (this.#takeWake()) {
        if (this.#isStateOld) await this.#askState();
        if (this.#isDayOver) await this.#lookDaily();
        for (let next = this.#next(); next !== null; next = this.#next()) {
          const { plan, step, intent } = next;
          if (step === undefined) {
            onForeign(this.#lock.id);
            await this.#keepSum();
            if (plan.nextAt !== null) this.#wakeIn(Math.max(0, plan.nextAt - deps.time.read().now) + 1);
            break;
          }
          if (intent === "no room") {
            this.#wakeIn(ROOM_AGAIN_MS);
            return;
          }
          if (await this.#do(step, intent)) continue;
          this.#wakeIn(PAUSE_MS);
          return;
        }
      }
    } finally {
      // At once, not a turn later: whoever wakes it in between would not be heard.
      this.#isRunning = false;
    }
  }

  /** What is known of bolt and door is as old as the lock's last word. */
  async #askState(): Promise<void> {
    if (this.#keypad() === null) return;
    this.#isStateOld = false;
    const { deps, transact } = this.#parts;
    const state = await this.#call(async ({ keypad, call }) => keypad.readState?.(call)).catch(lockFailed);
    if (state !== undefined) transact({}, (tx) => noteLockState(deps, tx, this.#lock, state));
  }

  /** A lock without a checksum, or with another one, is read; one that is away is read when it comes back. */
  async #lookDaily(): Promise<void> {
    this.#isDayOver = false;
    const isSame = await this.#call(async ({ keypad, call }) => {
      if (!(await this.#sum.isSame(keypad, call))) return false;
      this.#clock.forget();
      const { schedule } = keypad;
      const slots = this.#parts.deps.store.keypads.slots(this.#lock.id);
      if (schedule !== undefined && slots.some(({ slot }) => slot.sent?.window != null)) {
        await this.#clock.tell(schedule, call);
      }
      return true;
    }).catch(lockFailed);
    if (isSame !== true) this.readAgain(false);
  }

  /** Everything is as it should be: the checksum of this is what the daily reading is saved by. */
  async #keepSum(): Promise<void> {
    if (this.#sum.isKnown || this.#keypad()?.checksum === undefined) return;
    await this.#call(({ keypad, call }) => this.#sum.remember(keypad, call)).catch(lockFailed);
  }

  #takeWake(): boolean {
    const isWoken = this.#isWoken;
    this.#isWoken = false;
    return isWoken;
  }

  /**
   * What comes next; null: the lock is not there, or the gateway is stopping. What the last order came to and the intent
   * of the next one share a commit: a code costs one sync.
   */
  #next(): Next | null {
    const answered = this.#answered;
    if (answered === null) return this.#plan();
    this.#answered = null;
    return this.#parts.group(() => {
      answered();
      return this.#plan();
    });
  }

  #plan(): Next | null {
    const { deps } = this.#parts;
    if (this.#stop.signal.aborted || this.#keypad() === null) return null;
    const plan = planOf(deps, this.#lock.id, this.#unread);
    const [step] = plan.steps;
    if (step?.do !== "write" && step?.do !== "clear") return { plan, step, intent: null };
    // What must go and what must be known came before it.
    const hasRoom = step.do === "clear" || reserveRefusal(deps) === null;
    return { plan, step, intent: hasRoom ? this.#intend(step, plan) : "no room" };
  }

  #wakeIn(ms: number): void {
    this.#cancelTimer();
    if (this.#stop.signal.aborted) return;
    this.#cancelTimer = this.#parts.deps.clock.startTimer(ms, () => this.wake());
  }

  #keypad(): OnDeviceKeypad | null {
    const keypad = this.#parts.deps.devices.capabilities(this.#lock.unit)?.keypadLock;
    return keypad?.codes === "on_device" ? keypad : null;
  }

  #known(slot: number): LockSlot {
    const { keypads } = this.#parts.deps.store;
    const known = keypads.slot(this.#lock.id, slot);
    return known ?? { lockId: this.#lock.id, slot: unknownSlot(slot), unmanagedId: null };
  }

  #store(slot: number, change: (slot: Slot, now: number) => Slot, plan?: CodePlan): void {
    const { deps, transact } = this.#parts;
    transact({}, (tx) => {
      const before = this.#known(slot);
      const after = change(before.slot, tx.now);
      storeSlot(deps, tx, {
        before,
        after,
        ...(plan !== undefined && { plan: { lockId: this.#lock.id, plan } }),
      });
    });
  }

  /** false: it failed, and the next step waits. */
  async #do(step: CodeStep, intent: Intent | null): Promise<boolean> {
    if (step.do === "read") return this.#read(step.slot);
    if (step.do === "rest") {
      this.#store(step.slot, rested);
      return true;
    }
    // Overtaken by a wish that waits for its turn: whoever asks again at once would keep it from having that.
    return intent !== null && this.#order(intent);
  }

  async #read(number: number): Promise<boolean> {
    try {
      const { content, window } = await this.#call((talk) => readSlot(talk, this.#known(number).slot));
      this.#keepReading(number, foundIn(this.#parts.deps, content), window);
      if (content.is === "code") this.#rememberForeign(number, content.code);
      return true;
    } catch (error) {
      if (!isLock(error)) throw error;
      if (wasAsked(error)) this.#store(number, (slot, now) => unreadable(slot, sentenceOf(error), now));
      return false;
    }
  }

  /** What reads as it did costs no write: every slot of every lock is read each day. */
  #keepReading(number: number, found: Found, window: LockWindow | null | undefined): void {
    const { slot } = this.#known(number);
    const isUnread = this.#unread.delete(number);
    const { now } = this.#parts.deps.time.read();
    const after = read(isUnread ? outdated(slot) : slot, found, now, window);
    if (canonicalJson(after) !== canonicalJson(slot)) this.#store(number, () => after);
  }

  /** The order is on disk before its first byte leaves; null: the wish changed since it was planned. */
  #intend({ slot: number, owner, ...step }: OrderStep, plan: CodePlan): Intent | null {
    const { store } = this.#parts.deps;
    const { kind, id } = objectOf(owner);
    const order = step.do === "write" ? step.order : null;
    const code = order === null ? null : (store.objects.get(kind, id)?.code ?? null);
    if (order !== null && (code === null || store.keypads.pinOf(code) !== order.pin)) return null;
    const before = this.#known(number).slot;
    this.#sum.forget();
    this.#store(number, (slot, now) => ordered(slot, owner, order, now), plan);
    return { before, id, code, window: order?.window ?? null };
  }

  async #order({ before, id, code, window }: Intent): Promise<boolean> {
    const { deps, transact } = this.#parts;
    const { slot: number } = before;
    const busy = { slot: number, hasNews: false };
    this.#busy = busy;
    try {
      const held = await this.#call((talk) => orderSlot(talk, number, { code, window }));
      this.#answered = () => {
        this.#busy = null;
        this.#keepAnswer(number, busy.hasNews ? null : held);
      };
      return true;
    } catch (error) {
      this.#busy = null;
      if (!isLock(error)) throw error;
      // The lock has refused nothing: the order stays open, and after the next start reading tells what became of it.
      if (this.#stop.signal.aborted) return false;
      const isRefused = error.code === "device.refused" && error.effect === "none";
      const isTooOften = isTired(this.#known(number).slot, "orders", deps.time.read().now);
      if (window !== null && isRefused && isTooOften) {
        const reason = sentenceOf(error);
        transact({}, (tx) => turnWindowDown(deps, tx, this.#known(number), { before, id, window, reason }));
        return true;
      }
      this.#store(number, (slot) => failed(slot, sentenceOf(error), wasAsked(error)));
      return false;
    }
  }

  /** `held`: what the driver read after the order; null: nothing that holds still, so it is to be read. */
  #keepAnswer(number: number, held: SlotContent | null): void {
    const found = held === null ? null : foundIn(this.#parts.deps, held);
    if (found !== null) this.#unread.delete(number);
    this.#store(number, (slot, now) => (found === null ? reported(slot) : read(reported(slot), found, now)));
  }

  #rememberForeign(number: number, code: Secret<string>): void {
    if (this.#known(number).slot.owner === null) this.foreign.set(number, code);
  }

  #call<T>(work: (talk: LockTalk) => Promise<T>): Promise<T> {
    const { deps } = this.#parts;
    return callLock(deps, { unit: this.#lock.unit, stop: this.#stop.signal }, (keypad, call) =>
      work({ keypad, clock: this.#clock, call }),
    );
  }

  /** Objects whose standing hangs on the lock as a whole: it came, it went, it is full. */
  settleAll(): void {
    const { deps, transact } = this.#parts;
    transact({}, (tx) => settleLock(deps, tx, this.#lock.id));
  }
}
