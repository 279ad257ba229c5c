/** Seam's action types, by what is done. */
export const ACTION_TYPES = {
  encode: "ENCODE_CREDENTIAL",
  scan: "SCAN_CREDENTIAL",
  scan_to_assign: "SCAN_TO_ASSIGN_CREDENTIAL",
  erase: "ERASE_CARD",
  lock_door: "LOCK_DOOR",
  unlock_door: "UNLOCK_DOOR",
  simulate: "SIMULATE",
} as const;
