import { z } from "zod";

/**
 * What the site has, as its configuration says: systems, entrances, encoders. It travels up as one journal event and
 * is all that the cloud knows of the hardware.
 */
export const inventorySchema = z.object({
  workspaceId: z.string(),
  connectedAccountId: z.string(),
  siteName: z.string(),
  timeZone: z.string(),
  systems: z.array(
    z.object({
      id: z.string(),
      key: z.string(),
      name: z.string(),
      externalType: z.string().nullable(),
      /** Card profiles in order of preference. */
      cardProfiles: z.array(z.string()),
    }),
  ),
  entrances: z.array(
    z.object({
      id: z.string(),
      key: z.string(),
      name: z.string(),
      systemId: z.string(),
      /** Number of a guest door, 1–65535; a card opens at most one. */
      door: z.number().int().nullable(),
      /** Bit of a shared zone, 0–31. */
      zone: z.number().int().nullable(),
      /** `device/unit` of its keypad. */
      keypad: z.string().nullable(),
      /** There the gateway decides, and takes cards and badges; left out elsewhere. */
      opensWithCard: z.literal(true).exactOptional(),
    }),
  ),
  encoders: z.array(
    z.object({
      id: z.string(),
      key: z.string(),
      name: z.string(),
      systemId: z.string(),
      /** `device/unit`. */
      unit: z.string(),
    }),
  ),
  /** Keypads and locks: Seam's `devices`. Every keypad of an entrance is one, whether the file says more of it or not. */
  locks: z
    .array(
      z.object({
        id: z.string(),
        key: z.string(),
        name: z.string(),
        /** `device/unit`. */
        unit: z.string(),
        /** So many codes are kept ready on it for guests whose own does not work; 0: it has no pool. */
        backupCodes: z.number().int().min(0),
      }),
    )
    .default([]),
});
export type Inventory = z.infer<typeof inventorySchema>;
export type InventorySystem = Inventory["systems"][number];
export type InventoryEntrance = Inventory["entrances"][number];
export type InventoryEncoder = Inventory["encoders"][number];
export type InventoryLock = Inventory["locks"][number];
