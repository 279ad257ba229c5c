import { expect, test } from "vitest";
import fc from "fast-check";
import type { Inventory } from "#src/domain/inventory";
import type { AcsUserSpec } from "#src/domain/spec";
import { Secret } from "#src/lib/secret";
import {
  checkCredentialAssign,
  checkCredentialCreate,
  checkCredentialUnassign,
  checkCredentialUpdate,
  checkValidity,
  type CredentialWish,
} from "./rules.js";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const DAY = 86_400_000;

const entrance = (id: string, over: Partial<Inventory["entrances"][number]> = {}) => ({
  id,
  key: id,
  name: id,
  systemId: "main",
  door: null,
  zone: null,
  keypad: null,
  ...over,
});
const system = (id: string) => ({ id, key: id, name: id, externalType: null, cardProfiles: ["classic"] });
const inventory: Inventory = {
  workspaceId: "workspace",
  connectedAccountId: "account",
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [system("main")],
  entrances: [
    entrance("101", { door: 101 }),
    entrance("102", { door: 102 }),
    entrance("pool", { zone: 3 }),
    entrance("gate", { keypad: "bus/gate" }),
    entrance("annex", { door: 7, systemId: "other" }),
  ],
  encoders: [],
  locks: [],
};
const twoSystems: Inventory = { ...inventory, systems: [system("main"), system("other")] };
const user: AcsUserSpec = {
  acs_user_id: "ada",
  acs_system_id: "main",
  full_name: "Ada",
  state: "active",
  created_at: "2026-11-22T13:00:00.000Z",
};

function wish(over: Partial<CredentialWish> = {}): CredentialWish {
  return {
    accessMethod: "card",
    entranceIds: [],
    isOneTimeUse: false,
    isMultiPhoneSync: false,
    brandMetadata: [],
    ...over,
  };
}
function create(over: Partial<CredentialWish>, at: Inventory = inventory, who?: AcsUserSpec) {
  return checkCredentialCreate(wish(over), { id: "credential", now: NOW, inventory: at, user: who });
}
/** `type parameter` of the refusal, or "accepted". */
function verdict(over: Partial<CredentialWish>, at?: Inventory, who?: AcsUserSpec): string {
  const outcome = create(over, at, who);
  return outcome.ok ? "accepted" : [outcome.fault.type, outcome.fault.parameter].filter(Boolean).join(" ");
}

test("an end must lie after now and after the start; equal is refused", () => {
  expect(checkValidity({ startsAt: null, endsAt: null, now: NOW })).toBeUndefined();
  expect(checkValidity({ startsAt: NOW - DAY, endsAt: NOW + 1, now: NOW })).toBeUndefined();
  expect(checkValidity({ startsAt: null, endsAt: NOW, now: NOW })?.message).toBe("must be later than now");
  expect(checkValidity({ startsAt: NOW + DAY, endsAt: NOW + DAY, now: NOW })?.message).toBe(
    "must be later than starts_at",
  );
});

test("an instant that no card can say is refused before anything is stored", () => {
  const [before1970, after2106] = [-1, Date.UTC(2150, 0)];
  expect(verdict({ startsAt: before1970, endsAt: NOW + DAY })).toBe("invalid_input starts_at");
  expect(verdict({ endsAt: after2106 })).toBe("invalid_input ends_at");
  expect(verdict({ startsAt: 1_000, endsAt: Date.UTC(2106, 0) })).toBe("accepted");
});

test("no accepted validity is empty or over", () => {
  const instant = fc.option(fc.integer({ min: NOW - 10, max: NOW + 10 }));
  fc.assert(
    fc.property(instant, instant, (startsAt, endsAt) => {
      const isRefused = checkValidity({ startsAt, endsAt, now: NOW }) !== undefined;
      expect(isRefused).toBe(endsAt !== null && endsAt <= Math.max(NOW, startsAt ?? -Infinity));
    }),
  );
});

test("a credential takes its system from the user, from the parameter, or from there being one", () => {
  expect(create({ userId: "ada" }, twoSystems, user)).toMatchObject({
    value: { acs_system_id: "main", acs_user_id: "ada" },
  });
  expect(create({ systemId: "other" }, twoSystems)).toMatchObject({
    value: { acs_system_id: "other", acs_user_id: null },
  });
  expect(create({})).toMatchObject({ value: { acs_system_id: "main", acs_user_id: null } });
  expect(verdict({}, twoSystems)).toBe("invalid_input acs_user_id");
  expect(verdict({ systemId: "other", userId: "ada" }, twoSystems, user)).toBe("invalid_input acs_system_id");
});

test("what it names must exist, and in the same system", () => {
  expect(verdict({ userId: "nobody" })).toBe("acs_user_not_found");
  expect(verdict({ systemId: "nowhere" })).toBe("acs_system_not_found");
  expect(verdict({ entranceIds: ["nowhere"] })).toBe("acs_entrance_not_found");
  expect(verdict({ entranceIds: ["annex"] })).toBe("invalid_input allowed_acs_entrance_ids");
});

test("a card opens at most one guest door, and zones beside", () => {
  expect(verdict({ entranceIds: ["101", "pool"] })).toBe("accepted");
  expect(verdict({ entranceIds: ["101", "102"] })).toBe("invalid_input allowed_acs_entrance_ids");
  expect(create({ entranceIds: ["101", "101"] })).toMatchObject({
    value: { allowed_acs_entrance_ids: ["101"] },
  });
});

test("phones and brand metadata are refused by name", () => {
  expect(verdict({ accessMethod: "mobile_key" })).toBe("invalid_input access_method");
  expect(verdict({ accessMethod: "cloud_key" })).toBe("invalid_input access_method");
  expect(verdict({ isMultiPhoneSync: true })).toBe("invalid_input is_multi_phone_sync_credential");
  expect(verdict({ brandMetadata: ["visionline_metadata"] })).toBe("invalid_input visionline_metadata");
});

test("a code needs a keypad at every entrance it names, and a PIN", () => {
  const code = new Secret("0042");
  expect(create({ accessMethod: "code", entranceIds: ["gate"], code })).toMatchObject({
    value: { access_method: "code", has_code: true },
  });
  expect(verdict({ accessMethod: "code", entranceIds: ["gate", "101"], code })).toBe("keypad_not_configured");
  expect(verdict({ accessMethod: "code", code })).toBe("keypad_not_configured");
  expect(create({ accessMethod: "code", code, userId: "ada" }, inventory, user)).toMatchObject({
    value: { acs_user_id: user.acs_user_id, allowed_acs_entrance_ids: [] },
  });
  expect(verdict({ accessMethod: "code", entranceIds: ["gate"] })).toBe("invalid_input code");
});

test("an update keeps what it does not name and checks against the stored start", () => {
  const made = create({ startsAt: NOW + DAY, endsAt: NOW + 3 * DAY });
  if (!made.ok) throw new Error(made.fault.message);
  const spec = made.value;
  expect(checkCredentialUpdate({}, { spec, now: NOW })).toEqual({ ok: true, value: spec });
  expect(checkCredentialUpdate({ endsAt: NOW + 2 * DAY }, { spec, now: NOW })).toMatchObject({
    value: { ends_at: new Date(NOW + 2 * DAY).toISOString(), starts_at: spec.starts_at },
  });
  expect(checkCredentialUpdate({ code: new Secret("1") }, { spec, now: NOW })).toMatchObject({
    value: { has_code: true, ends_at: spec.ends_at },
  });
  expect(checkCredentialUpdate({ endsAt: NOW + DAY }, { spec, now: NOW })).toMatchObject({
    fault: { parameter: "ends_at" },
  });
  expect(checkCredentialUpdate({}, { spec: { ...spec, state: "revoked" }, now: NOW })).toMatchObject({
    fault: { type: "credential_revoked" },
  });
});

test("assigning stays within the system; only the holder is unassigned", () => {
  const made = create({});
  if (!made.ok) throw new Error(made.fault.message);
  const held = checkCredentialAssign(made.value, user);
  expect(held).toMatchObject({ value: { acs_user_id: "ada" } });
  expect(checkCredentialAssign(made.value, { ...user, acs_system_id: "other" })).toMatchObject({
    fault: { parameter: "acs_user_id" },
  });
  if (!held.ok) throw new Error(held.fault.message);
  expect(checkCredentialUnassign(held.value, "ada")).toMatchObject({ value: { acs_user_id: null } });
  expect(checkCredentialUnassign(held.value, "bob")).toMatchObject({ fault: { status: 400 } });
});
