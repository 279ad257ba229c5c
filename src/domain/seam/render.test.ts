import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import type { Inventory } from "#src/domain/inventory";
import type { AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { renderActionAttempt } from "./action-attempt.js";
import { observedAt, renderCredential } from "./credential.js";
import { seamEvent } from "./event.js";
import { renderScan } from "./scan.js";
import { renderEncoder, renderEntrance, renderSystem, renderWorkspace } from "./site.js";
import { renderUser } from "./user.js";
import { issuedObserved } from "#test/support/issued-observed";

/** Seam's own schemas, as published in `@seamapi/types`, which the `seam` package brings along. */
const require = createRequire(createRequire(import.meta.url).resolve("seam"));
const published = require("@seamapi/types/connect") as {
  readonly schemas: Readonly<
    Record<string, { safeParse(value: unknown): { success: boolean; error?: unknown } }>
  >;
};
function expectSeams(kind: string, value: unknown): void {
  const outcome = published.schemas[kind]?.safeParse(value);
  expect(outcome?.error).toBeUndefined();
  expect(outcome?.success).toBe(true);
}

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const AT = Date.parse("2026-11-22T14:00:00Z");
const inventory: Inventory = {
  workspaceId: id(1),
  connectedAccountId: id(2),
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [
    { id: id(3), key: "main", name: "Harbour locks", externalType: null, cardProfiles: ["classic"] },
    { id: id(4), key: "vis", name: "Tower", externalType: "visionline_system", cardProfiles: [] },
  ],
  entrances: [
    { id: id(5), key: "101", name: "101", systemId: id(3), door: 101, zone: null, keypad: null },
    { id: id(6), key: "pool", name: "Pool", systemId: id(3), door: null, zone: 3, keypad: "bus/pool" },
  ],
  encoders: [{ id: id(7), key: "desk", name: "Front desk", systemId: id(3), unit: "desk/main" }],
  locks: [],
};
const spec: AcsCredentialSpec = {
  acs_credential_id: id(8),
  acs_system_id: id(3),
  acs_user_id: id(9),
  access_method: "card",
  allowed_acs_entrance_ids: [id(5), id(6)],
  starts_at: "2026-11-22T16:00:00+01:00",
  ends_at: null,
  is_one_time_use: false,
  has_code: false,
  state: "active",
  created_at: "2026-11-22T14:00:00Z",
};
const observed = issuedObserved(AT + 5_000, { rev: 4, cardNumber: "164d29dc4a09b65f" });
const user: AcsUserSpec = {
  acs_user_id: id(9),
  acs_system_id: id(3),
  full_name: "Ada Lovelace",
  email_address: "ada@example.com",
  phone_number: null,
  access_schedule: { starts_at: "2026-11-22T14:00:00Z", ends_at: null },
  state: "active",
  created_at: "2026-11-22T14:00:00Z",
};
/** The properties of the published card sample that every system of ours can fill. */
const CARD_SAMPLE = [
  "access_method",
  "acs_credential_id",
  "acs_system_id",
  "acs_user_id",
  "card_number",
  "connected_account_id",
  "created_at",
  "display_name",
  "errors",
  "is_issued",
  "is_latest_desired_state_synced_with_provider",
  "is_managed",
  "is_multi_phone_sync_credential",
  "issued_at",
  "latest_desired_state_synced_with_provider_at",
  "starts_at",
  "warnings",
  "workspace_id",
];

describe("acs_credential", () => {
  test("an issued card has the published properties and no others", () => {
    const rendered = renderCredential({ spec, code: null, observed, inventory });
    expectSeams("acs_credential", rendered);
    expect(Object.keys(rendered).sort()).toEqual(CARD_SAMPLE);
    expect(rendered).toMatchObject({
      display_name: "101, Pool",
      starts_at: "2026-11-22T15:00:00.000Z",
      card_number: "164d29dc4a09b65f",
      issued_at: "2026-11-22T14:00:05.000Z",
      is_multi_phone_sync_credential: false,
      is_managed: true,
    });
  });

  test("nothing heard: not issued, no card number, waiting", () => {
    const rendered = renderCredential({ spec, code: null, observed: null, inventory });
    expectSeams("acs_credential", rendered);
    expect(rendered).toMatchObject({
      is_issued: false,
      is_latest_desired_state_synced_with_provider: false,
      latest_desired_state_synced_with_provider_at: null,
      warnings: [{ warning_code: "waiting_to_be_issued" }],
    });
    expect(rendered).not.toHaveProperty("card_number");
    expect(rendered).not.toHaveProperty("issued_at");
  });

  test("a code shows its PIN with leading zeros, and is never issued", () => {
    const code: AcsCredentialSpec = { ...spec, access_method: "code", has_code: true };
    const rendered = renderCredential({ spec: code, code: new Secret("0042"), observed, inventory });
    expectSeams("acs_credential", rendered);
    expect(rendered).toMatchObject({ code: "0042", is_one_time_use: false });
    for (const property of ["is_issued", "issued_at", "card_number"])
      expect(rendered).not.toHaveProperty(property);
    expect(renderCredential({ spec: code, code: null, observed, inventory })).toMatchObject({ code: null });
  });

  test("a brand's words appear only where the system has one", () => {
    const onVisionline = { ...spec, acs_system_id: id(4) };
    const rendered = renderCredential({ spec: onVisionline, code: null, observed, inventory });
    expectSeams("acs_credential", rendered);
    expect(rendered).toMatchObject({
      external_type: "visionline_card",
      external_type_display_name: "Visionline Card",
    });
  });

  test("unassigned: no acs_user_id; without entrances it still has a name", () => {
    const bare = { ...spec, acs_user_id: null, allowed_acs_entrance_ids: [] };
    const rendered = renderCredential({ spec: bare, code: null, observed, inventory });
    expectSeams("acs_credential", rendered);
    expect(rendered).not.toHaveProperty("acs_user_id");
    expect(rendered["display_name"]).toBe("Card");
  });

  test("an observation of an older revision no longer says that all is in step", () => {
    expect(observedAt(observed, 4).isSynced).toBe(true);
    expect(observedAt(observed, 5)).toEqual({ ...observed, isSynced: false });
  });
});

test("workspace, systems, entrances, encoders and users are Seam's", () => {
  const facts = { createdAt: AT };
  expectSeams("workspace", renderWorkspace(inventory, { isSandbox: true }));
  for (const system of inventory.systems) expectSeams("acs_system", renderSystem(system, inventory, facts));
  for (const entrance of inventory.entrances)
    expectSeams("acs_entrance", renderEntrance(entrance, inventory, facts));
  for (const encoder of inventory.encoders)
    expectSeams("acs_encoder", renderEncoder(encoder, inventory, facts));
  const rendered = renderUser(user, inventory);
  expectSeams("acs_user", rendered);
  expect(rendered).not.toHaveProperty("phone_number");
});

test("entrances say what opens them", () => {
  const [door, pool] = inventory.entrances.map((entrance) =>
    renderEntrance(entrance, inventory, { createdAt: AT }),
  );
  expect(door).toMatchObject({ can_unlock_with_card: true, can_unlock_with_code: false });
  expect(pool).toMatchObject({ can_unlock_with_card: true, can_unlock_with_code: true });
});

test("an event names its subject, workspace and account", () => {
  const event = seamEvent(
    "acs_credential.issued",
    { acs_credential_id: id(8), acs_system_id: id(3) },
    {
      eventId: id(10),
      workspaceId: id(1),
      connectedAccountId: id(2),
      occurredAt: AT,
      createdAt: AT + 1,
    },
  );
  expectSeams("seam_event", event);
  expect(event).toMatchObject({ occurred_at: "2026-11-22T14:00:00.000Z", connected_account_id: id(2) });
});

describe("action_attempt", () => {
  const base = { id: id(11), actionType: "ENCODE_CREDENTIAL", error: null };
  const credential = renderCredential({ spec, code: null, observed, inventory });
  const failure = { type: "no_credential_on_encoder", message: "No card was put on the encoder." };
  const cases: readonly [string, JsonObject][] = [
    ["pending", renderActionAttempt({ ...base, status: "pending", result: credential })],
    ["success", renderActionAttempt({ ...base, status: "success", result: credential })],
    ["error", renderActionAttempt({ ...base, status: "error", result: credential, error: failure })],
  ];
  test.each(cases)("%s has what belongs to it and null else", (status, rendered) => {
    expectSeams("action_attempt", rendered);
    expect(rendered["result"] === null).toBe(status !== "success");
    expect(rendered["error"] === null).toBe(status !== "error");
  });
});

describe("scan result", () => {
  const credential = renderCredential({ spec, code: null, observed, inventory });
  const validity = { startsAt: AT, endsAt: AT + 999 };
  const card = { cardNumber: "164d", validity, isIssued: true };
  const badge = { format: "H10301", facility: 101, number: 1_337, bitCount: 26, bits: "32829cc0" };
  const seam = { credential, startsAt: AT, endsAt: AT, isNewest: true, isRevoked: false, isSynced: true };
  const attempt = (result: JsonObject) =>
    renderActionAttempt({
      id: id(12),
      actionType: "SCAN_CREDENTIAL",
      status: "success",
      result,
      error: null,
    });

  test.each([
    ["a blank card", { card: null, seam: null }, []],
    ["a card in step (to the second)", { card, seam }, []],
    ["an unknown card", { card, seam: null }, ["No credential here matches what is on this card."]],
    [
      "a stale end",
      { card, seam: { ...seam, endsAt: AT + 60_000 } },
      ["The card ends at another time than the credential: encode it again."],
    ],
    [
      "an older card",
      { card, seam: { ...seam, isNewest: false } },
      ["A newer card was written for this credential."],
    ],
    ["a card that says no dates", { card: { ...card, validity: null }, seam }, []],
    ["a badge", { card: { cardNumber: "101-1337", validity: null, isIssued: true, badge }, seam }, []],
    [
      "a revoked one",
      { card, seam: { ...seam, isRevoked: true, isSynced: false } },
      ["The credential was revoked after this card was made."],
    ],
    [
      "a change that no date shows",
      { card, seam: { ...seam, isSynced: false } },
      ["The credential has changed since this card was written: encode it again."],
    ],
  ])("%s", (_, facts, messages) => {
    const rendered = renderScan(facts);
    expectSeams("action_attempt", attempt(rendered));
    const warnings = rendered["warnings"] as JsonObject[];
    expect(warnings.map((warning) => warning["warning_message"])).toEqual(messages);
  });
});
