import type { ZWaveNode } from "zwave-js";
import type { DriverLog, UnitTrouble } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { Library } from "./library.js";
import { isLock } from "./lock.js";

/** A lock that does not answer is asked again so often. */
const PING_EVERY_MS = 60_000;
/** One that answers, and did not say what it is and holds: that takes the radio for a minute. */
const INTERVIEW_EVERY_MS = 10 * 60_000;

export interface AbsentParts {
  readonly library: Library;
  readonly clock: Clock;
  readonly log: DriverLog;
  readonly nodeOf: (id: number) => ZWaveNode | undefined;
  /** A lock's trouble began or ended. */
  readonly changed: () => void;
}

/** Locks that cannot be used: why, for a person, and asking them again. */
export class AbsentLocks {
  readonly #parts: AbsentParts;
  readonly #dead: Round;
  readonly #unread: Round;

  constructor(parts: AbsentParts) {
    this.#parts = parts;
    const { clock, nodeOf } = parts;
    this.#dead = new Round(clock, PING_EVERY_MS, (id) => nodeOf(id)?.ping());
    this.#unread = new Round(clock, INTERVIEW_EVERY_MS, (id) => this.#interview(nodeOf(id)));
  }

  noteDead(node: ZWaveNode, isDead: boolean): void {
    const { log } = this.#parts;
    if (!this.#dead.note(node.id, isDead)) return;
    if (isDead) log.warn({ event: "zwave.node_silent", node: node.id }, "a node does not answer");
    else log.debug({ event: "zwave.node_back", node: node.id }, "a node answers again");
    this.#parts.changed();
  }

  /** Its interview ended; the library does not begin another one by itself. */
  noteInterview(node: ZWaveNode, isRead: boolean): void {
    const { log } = this.#parts;
    if (!mayBeLock(node) || !this.#unread.note(node.id, !isRead)) return;
    if (!isRead)
      log.warn({ event: "zwave.node_unread", node: node.id }, "a lock did not say what it is and holds");
    this.#parts.changed();
  }

  /** Its interview was given up, until it is asked again. */
  isUnread(nodeId: number): boolean {
    return this.#unread.has(nodeId);
  }

  forget(nodeId: number): void {
    this.#dead.note(nodeId, false);
    this.#unread.note(nodeId, false);
  }

  /** Nobody is asked again. */
  stop(): void {
    this.#dead.stop();
    this.#unread.stop();
  }

  troubleOf(node: TroubledNode): Omit<UnitTrouble, "unit"> | null {
    return troubleOf(this.#parts.library, node, this.isUnread(node.id));
  }

  async #interview(node: ZWaveNode | undefined): Promise<void> {
    // One that is dead is interviewed by the library as soon as it answers.
    if (node?.status === this.#parts.library.NodeStatus.Alive) await node.refreshInfo();
  }
}

/** Nodes that are asked again, one after the other, every so often, as long as there are any. */
class Round {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #ask: (id: number) => Promise<unknown> | undefined;
  readonly #nodes = new Set<number>();
  #cancel: (() => void) | null = null;
  #isOver = false;

  constructor(clock: Clock, everyMs: number, ask: (id: number) => Promise<unknown> | undefined) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#ask = ask;
  }

  has(id: number): boolean {
    return this.#nodes.has(id);
  }

  /** Is that new? */
  note(id: number, isIn: boolean): boolean {
    if (isIn === this.#nodes.has(id)) return false;
    if (isIn) this.#nodes.add(id);
    else this.#nodes.delete(id);
    this.#later();
    return true;
  }

  stop(): void {
    this.#isOver = true;
    this.#cancel?.();
  }

  /** One timer for all: a dead lock costs the radio three seconds, and nobody waits for it. */
  #later(): void {
    if (this.#nodes.size === 0 || this.#cancel !== null || this.#isOver) return;
    this.#cancel = this.#clock.startTimer(this.#everyMs, () => {
      this.#cancel = null;
      void this.#askAll().finally(() => this.#later());
    });
  }

  async #askAll(): Promise<void> {
    for (const id of [...this.#nodes]) await this.#ask(id)?.catch(() => undefined);
  }
}

type TroubledNode = Pick<
  ZWaveNode,
  | "id"
  | "status"
  | "protocol"
  | "isControllerNode"
  | "interviewStage"
  | "deviceClass"
  | "failedS2Bootstrapping"
  | "supportsCC"
  | "accessControl"
>;

/** Generic device class of locks. */
const ENTRY_CONTROL = 0x40;

/** What kind of node it is, the stick may not have said yet. */
function mayBeLock({ isControllerNode, deviceClass }: TroubledNode): boolean {
  return !isControllerNode && (deviceClass === undefined || deviceClass.generic.key === ENTRY_CONTROL);
}

/** Why a node that may be a lock cannot be used; null: it can, or is none. */
export function troubleOf(
  { InterviewStage, NodeStatus, Protocols }: Library,
  node: TroubledNode,
  isUnread: boolean,
): Omit<UnitTrouble, "unit"> | null {
  if (!mayBeLock(node)) return null;
  if (node.protocol === Protocols.ZWaveLongRange) return { code: "device.refused", message: LONG_RANGE };
  if (node.status === NodeStatus.Dead) return { code: "unit.silent", message: SILENT };
  // The library asks such a node nothing.
  if (node.failedS2Bootstrapping) return { code: "device.refused", message: NO_LOCK };
  if (isUnread) return { code: "unit.silent", message: UNREAD };
  if (node.interviewStage !== InterviewStage.Complete) return { code: "unit.silent", message: ASKED };
  return isLock(node) ? null : { code: "device.refused", message: NO_LOCK };
}

const SILENT =
  "the lock does not answer: see to its batteries and whether the stick is near enough; it is asked again every minute";
const ASKED =
  "the lock is being asked what it is and which codes it holds; that takes minutes with a slow one";
const UNREAD =
  "the lock answers, and did not say what it is and how many codes it holds: bring the stick nearer; it is asked again every ten minutes, and if that does not help, exclude it and include it again";
const NO_LOCK =
  "it has no codes and no bolt for us: it joined without the security that locks need; exclude it and include it again";
const LONG_RANGE =
  "it joined over Z-Wave Long Range, which the gateway does not speak: exclude it and include it again without its QR code";
