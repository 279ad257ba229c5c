/** How a DESFire card ends a command (NXP MF3ICDx21 short data sheet, status codes). */
export const STATUS = {
  ok: 0x00,
  noChanges: 0x0c,
  outOfMemory: 0x0e,
  unknownCommand: 0x1c,
  integrity: 0x1e,
  noSuchKey: 0x40,
  length: 0x7e,
  permission: 0x9d,
  parameter: 0x9e,
  noApplication: 0xa0,
  authentication: 0xae,
  more: 0xaf,
  boundary: 0xbe,
  aborted: 0xca,
  duplicate: 0xde,
  noFile: 0xf0,
} as const;

/** Status, data, and whether the data was enciphered already and carries no MAC. */
export type Outcome = readonly [status: number, data?: Buffer, isSealed?: boolean];
