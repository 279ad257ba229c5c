import { expect, test } from "vitest";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import type { AcsCredentialSpec } from "#src/domain/spec";
import { type BrandWish, checkBrandWish, renderBrandMetadata } from "./brand-metadata.js";

const system = (id: string, externalType: string | null) => ({
  id,
  key: id,
  name: id,
  externalType,
  cardProfiles: [],
});
const entrance = (id: string, door: number | null, zone: number | null, systemId: string) => ({
  id,
  key: id,
  name: id.toUpperCase(),
  systemId,
  door,
  zone,
  keypad: null,
});
const inventory: Inventory = {
  workspaceId: "w",
  connectedAccountId: "a",
  siteName: "Harbour",
  timeZone: "Europe/Lisbon",
  systems: [system("v", "visionline_system"), system("o", "assa_abloy_vostio"), system("own", null)],
  entrances: [
    entrance("room", 1, null, "v"),
    entrance("pool", null, 3, "v"),
    entrance("suite", 7, null, "o"),
  ],
  encoders: [],
  locks: [],
};
const spec = (acs_system_id: string, more: Partial<AcsCredentialSpec> = {}): AcsCredentialSpec => ({
  acs_credential_id: "c",
  acs_system_id,
  acs_user_id: null,
  access_method: "card",
  allowed_acs_entrance_ids: acs_system_id === "o" ? ["suite"] : ["room", "pool"],
  starts_at: null,
  ends_at: null,
  is_one_time_use: false,
  has_code: false,
  state: "active",
  created_at: "2026-01-01T00:00:00Z",
  ...more,
});
const issued = (more: Partial<Observed> = {}): Observed => ({
  rev: 1,
  generation: 2,
  state: "issued",
  isIssued: true,
  issuedAt: 1,
  cardNumber: "164d",
  isSynced: true,
  syncedAt: 1,
  warnings: [],
  errors: [],
  liveCards: 1,
  cardsValidUntil: 1_000,
  ...more,
});
const verdict = (systemId: string, wish: Partial<BrandWish>) =>
  checkBrandWish(
    { brandMetadata: [], ...wish },
    {
      systemId,
      entranceIds: ["suite"],
      inventory,
      credentialOf: (id) => (id === "c" ? spec("v") : id === "foreign" ? spec("o") : undefined),
    },
  );

test("a brand's parameters are taken by a system of the brand alone", () => {
  const visionline = { card_function_type: "guest", override: true } as const;
  expect(verdict("v", { visionline })).toBeUndefined();
  expect(verdict("o", { vostio: { auto_join: true } })).toBeUndefined();
  expect(verdict("own", { visionline })).toMatchObject({ status: 400, parameter: "visionline_metadata" });
  expect(verdict("v", { vostio: {} })).toMatchObject({ parameter: "assa_abloy_vostio_metadata" });
  expect(verdict("v", { brandMetadata: ["hotek_metadata"] })).toMatchObject({ parameter: "hotek_metadata" });
});

test("a card overrides, joins by itself, or joins others: one of these", () => {
  const guest = { card_function_type: "guest" } as const;
  const both = { ...guest, override: true, auto_join: true };
  expect(verdict("v", { visionline: both })).toMatchObject({ parameter: "visionline_metadata" });
  const joins = (id: string) => ({ visionline: { ...guest, joiner_acs_credential_ids: [id] } });
  expect(verdict("v", joins("c"))).toBeUndefined();
  expect(verdict("v", joins("nobody"))).toMatchObject({ status: 404, type: "acs_credential_not_found" });
  expect(verdict("v", joins("foreign"))).toMatchObject({ parameter: "visionline_metadata" });
  const contrary = { join_all_guest_acs_entrances: true, override_all_guest_acs_entrances: true };
  expect(verdict("o", { vostio: contrary })).toMatchObject({ parameter: "assa_abloy_vostio_metadata" });
  const stranger = { override_guest_acs_entrance_ids: ["room"] };
  expect(verdict("o", { vostio: stranger })).toMatchObject({ parameter: "assa_abloy_vostio_metadata" });
});

test("Visionline's members: what was asked for, and what the vendor's system told", () => {
  const wanted = spec("v", { visionline_metadata: { auto_join: true } });
  const shown = (observed: Observed | null, now = 500) =>
    renderBrandMetadata(wanted, observed, { inventory, now });
  expect(shown(null)).toEqual({
    visionline_metadata: {
      card_function_type: "guest",
      guest_acs_entrance_ids: ["room"],
      common_acs_entrance_ids: ["pool"],
      is_valid: false,
      auto_join: true,
    },
  });
  expect(shown(issued())).toMatchObject({
    visionline_metadata: { is_valid: true, card_id: "164d", credential_id: "c" },
  });
  expect(shown(issued(), 1_000)).toMatchObject({ visionline_metadata: { is_valid: false } });
  expect(shown(issued({ liveCards: 0 }))).toMatchObject({ visionline_metadata: { is_valid: false } });
  expect(shown(issued({ cardsValidUntil: null }), 9e15)).toMatchObject({
    visionline_metadata: { is_valid: true },
  });
});

test("Vostio's members, and none for a system of our own", () => {
  const wanted = spec("o", { assa_abloy_vostio_metadata: { override_all_guest_acs_entrances: true } });
  expect(renderBrandMetadata(wanted, issued(), { inventory, now: 0 })).toEqual({
    assa_abloy_vostio_metadata: {
      door_names: ["SUITE"],
      override_guest_acs_entrance_ids: ["suite"],
      key_id: "164d",
      key_issuing_request_id: "c/2",
    },
  });
  expect(renderBrandMetadata(spec("own"), issued(), { inventory, now: 0 })).toEqual({});
});
