import { expect, test } from "vitest";
import type { Inventory } from "#src/domain/inventory";
import type { AcsAccessGroupSpec, AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";
import { entitledEntranceIds } from "./entitlement.js";

const entrance = (id: string, more: Partial<Inventory["entrances"][number]>) => ({
  id,
  key: id,
  name: id,
  systemId: "main",
  door: null,
  zone: null,
  keypad: null,
  ...more,
});
const inventory = {
  entrances: [
    entrance("room", { door: 1 }),
    entrance("pool", { zone: 3, keypad: "bus/pool" }),
    entrance("gate", { keypad: "bus/gate" }),
    entrance("annex", { systemId: "other", zone: 1 }),
  ],
};
const spec = (access_method: AcsCredentialSpec["access_method"]) => ({
  access_method,
  acs_system_id: "main",
  allowed_acs_entrance_ids: ["room"],
});
const user = (more: Partial<AcsUserSpec>): AcsUserSpec => ({
  acs_user_id: "ada",
  acs_system_id: "main",
  full_name: "Ada",
  state: "active",
  created_at: "2026-01-01T00:00:00Z",
  ...more,
});
const group = (id: string, acs_entrance_ids: string[], state: AcsAccessGroupSpec["state"] = "active") => ({
  acs_access_group_id: id,
  acs_system_id: "main",
  name: id,
  acs_entrance_ids,
  state,
  created_at: "2026-01-01T00:00:00Z",
});

test.each([
  ["nobody's card", "card", undefined, [], ["room"]],
  ["a grant", "card", user({ granted_acs_entrance_ids: ["pool"] }), [], ["room", "pool"]],
  [
    "a group",
    "card",
    user({ acs_access_group_ids: ["g"] }),
    [group("g", ["pool", "room"])],
    ["room", "pool"],
  ],
  ["a group that one is not in", "card", user({}), [group("g", ["pool"])], ["room"]],
  [
    "a group that is gone",
    "card",
    user({ acs_access_group_ids: ["g"] }),
    [group("g", ["pool"], "deleted")],
    ["room"],
  ],
  ["a card gets no keypad", "card", user({ granted_acs_entrance_ids: ["gate"] }), [], ["room"]],
  [
    "a PIN gets no door",
    "code",
    user({ granted_acs_entrance_ids: ["gate", "pool"] }),
    [],
    ["room", "gate", "pool"],
  ],
  ["another system", "card", user({ granted_acs_entrance_ids: ["annex"] }), [], ["room"]],
  ["an entrance that is not there", "card", user({ granted_acs_entrance_ids: ["attic"] }), [], ["room"]],
] as const)("%s", (_, method, holder, groups, expected) => {
  expect(entitledEntranceIds(spec(method), { user: holder, groups }, inventory)).toEqual(expected);
});
