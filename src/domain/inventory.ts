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
});
export type Inventory = z.infer<typeof inventorySchema>;
export type InventorySystem = Inventory["systems"][number];
export type InventoryEntrance = Inventory["entrances"][number];
export type InventoryEncoder = Inventory["encoders"][number];
