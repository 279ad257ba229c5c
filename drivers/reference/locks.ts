import {
  type Call,
  type CodeSchedule,
  DriverError,
  type OnDeviceKeypad,
  type OnGatewayKeypad,
} from "#driver-api";
import { toHex } from "#src/lib/hex";
import type { Secret } from "#src/lib/secret";
import type { UnitDescription } from "./answers.js";
import { requests } from "./protocol.js";
import type { Session } from "./session.js";

/** A lock that holds its codes itself. */
export function createLock(session: Session, unit: number, description: UnitDescription): OnDeviceKeypad {
  const { slots, codeDigitsMin, codeDigitsMax, hasSchedule, hasChecksum } = description;
  const codeLengths = Array.from(
    { length: Math.max(0, codeDigitsMax - codeDigitsMin + 1) },
    (_, index) => codeDigitsMin + index,
  );
  const checkSlot = (slot: number) => {
    if (Number.isInteger(slot) && slot >= 1 && slot <= slots) return;
    throw new DriverError(
      "device.refused",
      "none",
      `slot ${slot} does not exist: this lock has 1 to ${slots}`,
    );
  };
  const checkCode = (slot: number, code: Secret<string>) => {
    checkSlot(slot);
    const digits = code.reveal();
    if (/^[0-9]+$/.test(digits) && codeLengths.includes(digits.length)) return;
    const lengths = `${codeDigitsMin} to ${codeDigitsMax}`;
    throw new DriverError(
      "device.refused",
      "none",
      `slot ${slot}: this lock takes codes of ${lengths} digits`,
    );
  };
  return {
    codes: "on_device",
    slots,
    codeLengths,
    async readSlot(slot, call) {
      checkSlot(slot);
      return session.order(requests.readSlot(unit, slot), call);
    },
    async writeSlot(slot, code, call) {
      checkCode(slot, code);
      await session.perform(requests.writeSlot(unit, slot, code), call);
      return null;
    },
    async clearSlot(slot, call) {
      checkSlot(slot);
      await session.perform(requests.clearSlot(unit, slot), call);
      return null;
    },
    ...(hasSchedule && { schedule: createSchedule(session, unit, { checkSlot, checkCode }) }),
    ...(hasChecksum && {
      checksum: async (call: Call) => toHex(await session.order(requests.checksum(unit), call)),
    }),
    lock: (call) => session.perform(requests.setLocked(unit, true), call),
    unlock: (call) => session.perform(requests.setLocked(unit, false), call),
    readState: (call) => session.order(requests.readState(unit), call),
    onEvent: (listener) =>
      session.onEvent((event) => {
        if (event.unit === unit && event.type === "lock") listener(event.event);
      }),
  };
}

interface Checks {
  readonly checkSlot: (slot: number) => void;
  readonly checkCode: (slot: number, code: Secret<string>) => void;
}

/** The lock counts in seconds, takes code and window in one request, and knows the zone's rules itself. */
function createSchedule(session: Session, unit: number, { checkSlot, checkCode }: Checks): CodeSchedule {
  return {
    setClock: (time, call) => session.perform(requests.setClock(unit, time), call),
    async write(slot, code, window, call) {
      checkCode(slot, code);
      const request = requests.writeTimed(unit, slot, code, window);
      if (request === undefined)
        throw new DriverError("device.refused", "none", "this lock keeps windows between 1970 and 2106");
      await session.perform(request, call);
    },
    async readWindow(slot, call) {
      checkSlot(slot);
      return (await session.order(requests.readWindow(unit, slot), call)).window;
    },
  };
}

/** The device counts in tenths of a second, in two bytes. */
const GRANT_TENTHS_MAX = 65_535;

/** A keypad that only reports: the gateway decides. Its lamp has no text, so the reason for a denial is not sent. */
export function createDoor(session: Session, unit: number): OnGatewayKeypad {
  return {
    codes: "on_gateway",
    onInput: (listener) =>
      session.onEvent((event) => {
        if (event.unit !== unit) return;
        if (event.type === "keys") listener({ type: "keys", keys: event.keys });
        if (event.type === "card")
          listener({ type: "card", card: { bits: event.bits, bitCount: event.bitCount } });
      }),
    async grant(ms: number, call: Call) {
      const tenths = Math.min(GRANT_TENTHS_MAX, Math.max(1, Math.round(ms / 100)));
      await session.perform(requests.grant(unit, tenths), call);
    },
    deny: (_reason, call) => session.perform(requests.deny(unit), call),
  };
}
