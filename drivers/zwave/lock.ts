import type { ZWaveNode } from "zwave-js";
import type { Call, DriverLog, LockEvent, OnDeviceKeypad, Unit } from "#driver-api";
import { Bolt, isSecured } from "./bolt.js";
import { assertAwake, LockCall, type Surroundings } from "./call.js";
import { CC, type CommandClass } from "./command-classes.js";
import type { CodeTable } from "./code-table.js";
import {
  type CodeNews,
  LOW_BATTERY,
  type Meaning,
  meaningOfAlarm,
  meaningOfNotification,
  meaningOfValue,
} from "./events.js";
import type { Library } from "./library.js";
import { OwnChanges } from "./own-changes.js";
import { hasYearDays, YearDays } from "./schedule.js";
import { Slots } from "./slots.js";
import { userCodeTable } from "./user-code.js";
import { userCredentialTable } from "./user-credential.js";

/** Allegion, whose Schlage locks take codes of one length only; parameter 16 says which. */
const ALLEGION = 0x3b;
/** Writing it erases every code: it is read and never written. */
const CODE_LENGTH_PARAMETER = 16;

export interface LockNode {
  readonly unit: Unit;
  /** Is the unit still what the node has? A node that was interviewed anew may have become another. */
  fits(node: ZWaveNode): boolean;
  /** Takes the listeners off the node. */
  close(): void;
}

export const unitKey = (nodeId: number): string => `node-${nodeId}`;

/** A node with a bolt and codes of its own. */
export function isLock(node: Pick<ZWaveNode, "supportsCC" | "accessControl">): boolean {
  const hasBolt = node.supportsCC(CC.doorLock) || node.supportsCC(CC.lock);
  return hasBolt && node.accessControl !== undefined;
}

export async function openLock(
  library: Library,
  surroundings: Surroundings & { readonly log: DriverLog },
  node: ZWaveNode,
): Promise<LockNode> {
  const table = tableOf(library, node);
  const fixed = await fixedLength(node);
  const lengths = fixed === null ? range(table.lengthMin, table.lengthMax) : [fixed];
  const listeners = new Set<(event: LockEvent) => void>();
  const tell = (event: LockEvent): void => {
    for (const listener of [...listeners]) listener(event);
  };
  const own = new OwnChanges(surroundings.clock);
  const slots = new Slots({
    table,
    lengths,
    own,
    changed: (slot) => tell({ type: "slot.changed", slot }),
  });
  const bolt = new Bolt(library, node);
  const begin = (call: Call, what: string): LockCall => {
    assertAwake(node, library.NodeStatus.Dead);
    return new LockCall(surroundings, call, `node ${node.id}, ${what}`);
  };
  const schedule = hasYearDays(node) && table.canDisable ? new YearDays({ node, slots, begin }) : null;
  const keypadLock: OnDeviceKeypad = {
    codes: "on_device",
    slots: table.slots,
    codeLengths: lengths,
    readSlot: async (slot, call) => slots.read(slot, begin(call, `reading slot ${slot}`)),
    async writeSlot(slot, code, call) {
      const asked = begin(call, `writing slot ${slot}`);
      const content = await slots.write(slot, code, asked);
      // Only now: the former code of the slot is not let out of its window.
      await schedule?.remove(slot, asked);
      return content;
    },
    async clearSlot(slot, call) {
      const asked = begin(call, `clearing slot ${slot}`);
      const content = await slots.clear(slot, asked);
      await schedule?.remove(slot, asked);
      return content;
    },
    ...(schedule !== null && {
      schedule: {
        setClock: (time, call) => schedule.setClock(time, call),
        write: (slot, code, window, call) => schedule.write(slot, code, window, call),
        readWindow: (slot, call) => schedule.readWindow(slot, call),
      },
    }),
    ...(table.checksum !== null && {
      checksum: async (call: Call) => table.checksum?.(begin(call, "asking for its checksum")) ?? "",
    }),
    lock: async (call) => bolt.turn("locked", begin(call, "locking")),
    unlock: async (call) => bolt.turn("unlocked", begin(call, "unlocking")),
    readState: async (call) => bolt.state(begin(call, "asking how it stands")),
    onEvent(listener) {
      const mine = (event: LockEvent): void => listener(event);
      listeners.add(mine);
      return () => listeners.delete(mine);
    },
  };
  const stop = listen(
    node,
    ({ events = [], codes }) => {
      if (codes !== undefined && !own.explain(codes) && codes.change !== "duplicate")
        tell({ type: "slot.changed", slot: codes.slot });
      for (const event of events) {
        bolt.noteEvent(event);
        tell(event);
      }
    },
    own,
  );
  return {
    unit: { key: unitKey(node.id), keypadLock },
    fits(now) {
      const next = tableOf(library, now);
      return next.slots === table.slots && next.lengthMax === table.lengthMax && now === node;
    },
    close: stop,
  };
}

/** 0: the lock has not said yet how many. */
export const slotsOf = (library: Library, node: ZWaveNode): number => tableOf(library, node).slots;

/** User Credential where the lock has it, unless it says that it has no users. */
function tableOf(library: Library, node: ZWaveNode): CodeTable {
  return hasCredentials(node) ? userCredentialTable(library, node) : userCodeTable(library, node);
}

function hasCredentials(node: ZWaveNode): boolean {
  if (!node.supportsCC(CC.userCredential)) return false;
  return node.getValue({ commandClass: CC.userCredential, property: "supportedUsers" }) !== 0;
}

/** null: codes of any length that the command class allows. */
async function fixedLength(node: ZWaveNode): Promise<number | null> {
  if (node.manufacturerId !== ALLEGION || !node.supportsCC(CC.configuration)) return null;
  const known = node.getValue({ commandClass: CC.configuration, property: CODE_LENGTH_PARAMETER });
  const told = await node.commandClasses.Configuration.get(CODE_LENGTH_PARAMETER).catch(() => known);
  const length = told ?? known;
  return typeof length === "number" && length >= 4 && length <= 8 ? length : null;
}

const range = (min: number, max: number): number[] =>
  Array.from({ length: Math.max(0, max - min + 1) }, (_, index) => min + index);

/** Everything that the library tells of a node, as its meaning. The returned function stops it. */
function listen(node: ZWaveNode, mean: (meaning: Meaning) => void, own: OwnChanges): () => void {
  const stops: (() => void)[] = [];
  const hasEvents = node.supportsCC(CC.notification);

  const onNotification: Parameters<typeof node.on<"notification">>[1] = (_endpoint, ccId, args) => {
    // The library tells of a battery only what is no level.
    if (ccId === CC.battery) mean(LOW_BATTERY);
    if (ccId !== CC.notification || !("event" in args)) return;
    mean(meaningOfNotification(args.type, args.event, args.parameters));
  };
  node.on("notification", onNotification);
  stops.push(() => node.off("notification", onNotification));

  const onValue = (_node: ZWaveNode, args: NodeValue): void => {
    const { commandClass, property, propertyKey, newValue: value, prevValue: before } = args;
    if (commandClass === CC.notification && property === "alarmLevel") {
      mean(alarmOf(node, value));
    } else if (commandClass === CC.userCode && property === "userCode" && typeof propertyKey === "number") {
      // A User Code Report that nobody asked for; what this driver reads and writes is its own doing.
      if (value !== before && !own.isUnderWay(propertyKey))
        mean({ codes: { change: "other", slot: propertyKey } });
    } else if (!hasEvents && commandClass === CC.doorLock && property === "currentMode" && value !== before) {
      const isShut = isSecured(typeof value === "number" ? value : undefined);
      if (isShut !== null)
        mean({ events: [{ type: isShut ? "locked" : "unlocked", method: "manual", slot: null }] });
    } else mean(meaningOfValue({ commandClass, property, propertyKey, value, before }));
  };
  for (const event of ["value added", "value updated"] as const) {
    node.on(event, onValue);
    stops.push(() => node.off(event, onValue));
  }

  // On other locks the library makes these events up, for what this driver does itself.
  if (!hasCredentials(node)) return () => stopAll(stops);
  const changed = (change: CodeNews["change"], slot: number): void => {
    if (!own.isUnderWay(slot)) mean({ codes: { change, slot } });
  };
  for (const [event, change] of [
    ["credential added", "added"],
    ["credential modified", "added"],
    ["credential deleted", "deleted"],
  ] as const) {
    const onCredential = (_endpoint: unknown, { credentialSlot }: { credentialSlot: number }): void =>
      changed(change, credentialSlot);
    node.on(event, onCredential);
    stops.push(() => node.off(event, onCredential));
  }
  for (const event of ["user modified", "user deleted"] as const) {
    const onUser = (_endpoint: unknown, { userId }: { userId: number }): void => changed("other", userId);
    node.on(event, onUser);
    stops.push(() => node.off(event, onUser));
  }
  return () => stopAll(stops);
}

function stopAll(stops: (() => void)[]): void {
  for (const stop of stops.splice(0)) stop();
}

interface NodeValue {
  readonly commandClass: CommandClass;
  readonly property: unknown;
  readonly propertyKey?: unknown;
  readonly newValue: unknown;
  readonly prevValue?: unknown;
}

/** An alarm of version 1; those that the library's database maps come as notifications. */
function alarmOf(node: ZWaveNode, level: unknown): Meaning {
  const type = node.getValue({ commandClass: CC.notification, property: "alarmType" });
  if (typeof type !== "number" || typeof level !== "number") return {};
  const isMapped = node.deviceConfig?.compat?.alarmMapping?.some(
    ({ from }) => from.alarmType === type && (from.alarmLevel === undefined || from.alarmLevel === level),
  );
  return isMapped === true ? {} : meaningOfAlarm(type, level);
}
