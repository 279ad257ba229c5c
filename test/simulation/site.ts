import type { Inventory } from "#src/domain/inventory";
import { UNIT } from "./encoder.js";

export const WORKSPACE = "aaaaaaaa-0000-4000-8000-000000000000";
export const SYSTEM = "aaaaaaaa-0000-4000-8000-000000000001";
export const DESK = "cccccccc-0000-4000-8000-000000000001";
export const ENTRANCES: readonly string[] = [101, 102, 103].map(
  (n) => `bbbbbbbb-0000-4000-8000-000000000${n}`,
);
export const POOL = "bbbbbbbb-0000-4000-8000-000000000003";

/** A small hotel: three rooms, a pool, one encoder. */
export const inventory: Inventory = {
  workspaceId: WORKSPACE,
  connectedAccountId: "aaaaaaaa-0000-4000-8000-00000000000c",
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [
    { id: SYSTEM, key: "main", name: "Harbour locks", externalType: null, cardProfiles: ["classic"] },
  ],
  entrances: [
    ...ENTRANCES.map((id, n) => ({
      id,
      key: `room-${101 + n}`,
      name: `${101 + n}`,
      systemId: SYSTEM,
      door: 101 + n,
      zone: null,
      keypad: null,
    })),
    { id: POOL, key: "pool", name: "Pool", systemId: SYSTEM, door: null, zone: 3, keypad: null },
  ],
  encoders: [{ id: DESK, key: "front-desk", name: "Front desk", systemId: SYSTEM, unit: UNIT }],
  locks: [],
};
