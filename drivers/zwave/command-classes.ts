import type { ZWaveNode } from "zwave-js";

export type CommandClass = Parameters<ZWaveNode["supportsCC"]>[0];

const named = <Name extends string>(numbers: Record<Name, number>) =>
  numbers as unknown as Readonly<Record<Name, CommandClass>>; // the library's own enum is loaded only with it

/** Command classes that a lock may have (Z-Wave specification, SDS13781; numbers as in `CommandClasses` of zwave-js). */
export const CC = named({
  scheduleEntryLock: 0x4e,
  doorLock: 0x62,
  userCode: 0x63,
  configuration: 0x70,
  notification: 0x71,
  lock: 0x76,
  battery: 0x80,
  userCredential: 0x83,
  timeParameters: 0x8b,
});
