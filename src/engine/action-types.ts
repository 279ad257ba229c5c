import type { SimulationOrder } from "#src/domain/simulation-order";

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

/** Seam has a type of its own for what is done at a lock; the rest is not shown as an attempt. */
export function simulatedActionType(order: SimulationOrder): string {
  switch (order.do) {
    case "enter_code":
      return "SIMULATE_KEYPAD_CODE_ENTRY";
    case "lock_by_hand":
      return "SIMULATE_MANUAL_LOCK_VIA_KEYPAD";
    case "next_encode":
    case "next_scan":
    case "set_code":
    case "befall_lock":
    case "set_connected":
      return ACTION_TYPES.simulate;
  }
}
