import { type Call, DriverError, type Identity, type Unit } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import { createKeyIssuer } from "./issuer.js";
import { createDoor, createLock } from "./locks.js";
import type { UnitDescription } from "./answers.js";
import { requests } from "./protocol.js";
import { createCardReader } from "./reader.js";
import type { Session } from "./session.js";
import { createSignals } from "./signals.js";
import { createCardWriter } from "./writer.js";

const MODEL = "LBR-1";
const PROTOCOL_VERSION = 1;

/** Asks the device what it is. Rejects with `device.wrong` when it is not what this driver or the configuration wants. */
export async function identify(
  session: Session,
  serialWanted: string | undefined,
  call: Call,
): Promise<{ readonly identity: Identity; readonly unitCount: number }> {
  const hello = await session.order(requests.hello(), call).catch((error: unknown) => {
    const isForeign =
      error instanceof DriverError &&
      (error.code === "reply.malformed" || (error.code === "device.silent" && session.hasHeardNoise));
    throw isForeign
      ? new DriverError("device.wrong", "none", "what answers does not speak this protocol", error)
      : error;
  });
  const { model, firmware, serial, protocol, unitCount } = hello;
  if (model !== MODEL || protocol !== PROTOCOL_VERSION) {
    const said = `${JSON.stringify(model.slice(0, 32))} with protocol ${protocol}`;
    throw new DriverError(
      "device.wrong",
      "none",
      `it is ${said}, not ${MODEL} with protocol ${PROTOCOL_VERSION}`,
    );
  }
  if (unitCount === 0) throw new DriverError("device.wrong", "none", "the device has no units");
  if (serialWanted !== undefined && serial !== serialWanted) {
    throw new DriverError("device.wrong", "none", `its serial number is not ${serialWanted}`);
  }
  return { identity: { model, firmware, serial }, unitCount };
}

/** The device's own list, in its order. */
export async function listUnits(
  session: Session,
  clock: Clock,
  unitCount: number,
  call: Call,
): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  for (let index = 0; index < unitCount; index++) {
    units.push(unitOf(session, clock, index, await session.order(requests.describeUnit(index), call)));
  }
  return units;
}

/** A capability that the unit has not is left out: never a method that says "not supported". */
function unitOf(session: Session, clock: Clock, index: number, description: UnitDescription): Unit {
  const { key, hasCardWriter, hasKeyIssuer, hasCardReader, hasLock, hasDoor, hasSignals } = description;
  return {
    key,
    ...(hasCardWriter && { cardWriter: createCardWriter(session, index, clock) }),
    ...(hasKeyIssuer && { keyIssuer: createKeyIssuer(session, index, clock) }),
    ...(hasCardReader && { cardReader: createCardReader(session, index) }),
    ...(hasLock && { keypadLock: createLock(session, index, description) }),
    ...(hasDoor && { keypadLock: createDoor(session, index) }),
    ...(hasSignals && { signals: createSignals(session, index) }),
  };
}
