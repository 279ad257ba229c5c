import Database from "better-sqlite3";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Store } from "#src/engine/ports";
import { unknownSlot } from "#src/domain/codes/slot";
import { Secret } from "#src/lib/secret";
import { credentialRecord, objectRow, tempDir, tempStore } from "#test/support/temp-store";
import { STORE_VERSION } from "./migrations.js";

const user = objectRow({
  kind: "acs_user",
  id: "u1",
  spec: { acs_user_id: "u1", full_name: "Ann", state: "active" },
  searchText: "ann",
});
const credential = objectRow({
  id: "c1",
  rev: 7,
  spec: { acs_credential_id: "c1", acs_user_id: "u1", state: "active" },
  code: new Secret("471147"),
  record: credentialRecord(
    { generation: 1, cards: [{ generation: 1, uid: "04a1b2c3", certainty: "written", validUntil: null }] },
    "issued",
  ),
  cardCredentialId: "0011223344556677",
  dirty: true,
  blocked: "missing:u2",
  provisional: 1,
  systemId: "s1",
  userId: "u1",
  searchText: "ann 101",
});
const attempt = {
  id: "a1",
  actionType: "ENCODE_CREDENTIAL",
  status: "pending" as const,
  result: null,
  error: null,
  credentialId: "c1",
  encoderId: "e1",
  isCommand: true,
  createdAt: 5,
  finishedAt: null,
};
const outcome = { status: "error" as const, result: null, error: { type: "late", message: "too late" } };
const event = {
  event_id: "e1",
  event_type: "acs_credential.issued",
  workspace_id: "w1",
  created_at: "2026-11-22T14:00:00.000Z",
  occurred_at: "2026-11-22T14:00:00.000Z",
  acs_credential_id: "c1",
};
const quarantined = {
  epoch: 1,
  rev: 8,
  kind: "acs_credential",
  id: "c9",
  raw: Uint8Array.from([1, 2, 3]),
  code: "schema",
};
const webhook = {
  id: "w1",
  url: "https://app.example/seam",
  eventTypes: ["acs_credential.issued"],
  secret: new Secret("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"),
  createdAt: 6,
};
const token = { id: "t1", name: "desk", role: "technician" as const, createdAt: 6 };

const observedCode = {
  rev: 7,
  status: "set" as const,
  isScheduledOnDevice: false,
  isBackupAvailable: false,
  appearance: null,
  pending: [],
  errors: [],
  warnings: [],
};
const life = { observed: observedCode, onLock: "ab12", since: 7, told: null, refused: null };
const wish = {
  lockId: "l1",
  kind: "access_code" as const,
  id: "k1",
  pin: "ab12",
  window: { startsAt: 60_000, endsAt: 120_000 },
  allowsOutside: true,
  since: 5,
};
const slot = {
  lockId: "l1",
  slot: {
    ...unknownSlot(3),
    owner: "access_code:k1",
    sent: { pin: "ab12", window: null, state: "verified" as const },
    found: { is: "withheld" as const },
    isStale: false,
    tries: [6],
  },
  unmanagedId: "k2",
};
const lock = {
  observed: {
    online: true,
    locked: null,
    doorOpen: null,
    battery: 0.5,
    keypad: {
      codes: "on_device" as const,
      slots: 30,
      codeLengths: [4, 5],
      canLock: true,
      hasSchedule: false,
    },
    model: "LBR-1",
    errors: [],
    warnings: [],
  },
  settings: {
    createdAt: 3,
    name: null,
    customMetadata: { floor: "1" },
    codeLengths: null,
    isPoolEnabled: true,
  },
};
const codeAttempt = { ...attempt, id: "a2", deviceId: "l1", accessCodeId: "k1" };

/** Something in every table. */
function fill(store: Store): void {
  store.transaction(() => {
    store.objects.put(user);
    store.objects.put(credential);
    store.objects.remove("acs_user", "u0", 3, true);
    const code_ref = store.journal.keepSecret(new Secret("471147"));
    store.journal.append({ k: "caught_up", t: 1, tq: "trusted", base_rev: 6, data: { rev: 6 } });
    store.journal.append({
      k: "local_change",
      t: 2,
      tq: "trusted",
      base_rev: 6,
      id: "c1",
      kind: "acs_credential",
      data: { spec: credential.spec, code_ref, base_object_rev: 0 },
    });
    store.attempts.create(attempt);
    store.attempts.finish("a1", outcome, 9);
    store.events.append(event);
    store.quarantine.put(quarantined);
    store.snapshotItems.add("acs_credential", "c1");
    store.keySets.add({
      version: 1,
      issuer: new Secret(Uint8Array.from([1, 2, 3, 4])),
      cardMaster: new Secret(new Uint8Array(16).fill(0x5a)),
      createdAt: 4,
    });
    store.webhooks.add(webhook);
    store.tokens.add({ ...token, sha256: "ab" });
    store.keypads.putWish(wish);
    store.keypads.putSlot(slot);
    store.keypads.putLife("k1", life);
    store.keypads.setOpening("access_code", "k1", 88);
    store.keypads.putLock("l1", lock);
    store.attempts.create(codeAttempt);
    store.doors.putLockout("l1", { failures: 6, until: 99 });
    store.wakeups.set("acs_credential", "c1", 77);
    store.audit.append({ at: 1, who: "local socket", origin: "local socket", what: "encode", target: "c1" });
    store.meta.set("cursor", { epoch: { n: 1, id: "first" }, rev: 8 });
  });
}

function expectFilled(store: Store, version = STORE_VERSION): void {
  expect(store.objects.get("acs_user", "u1")).toEqual(user);
  expect(store.objects.byCardUid("04a1b2c3")).toEqual([credential]);
  expect(store.objects.list("acs_credential", { limit: 9, code: new Secret("471147") })).toEqual([
    credential,
  ]);
  expect(store.objects.get("acs_credential", "c1")?.code?.reveal()).toBe("471147");
  expect(store.objects.tombstone("acs_user", "u0")).toEqual({ at: 3, revoked: true });
  const [, change] = store.journal.read(1, 10);
  const ref = change?.event.k === "local_change" ? change.event.data.code_ref : null;
  expect(store.journal.secret(ref ?? "")?.reveal()).toBe("471147");
  expect(store.journal.verifyChain()).toBeUndefined();
  expect(store.journal.lastSeq()).toBe(2);
  expect(store.attempts.get("a1")).toEqual({ ...attempt, ...outcome, finishedAt: 9 });
  expect(store.events.list({ limit: 9 })).toEqual([event]);
  expect(store.quarantine.list(9)).toEqual([quarantined]);
  expect(store.snapshotItems.compare(null, 9)).toEqual([
    { kind: "acs_credential", id: "c1", isNamed: version >= 4 },
    { kind: "acs_user", id: "u1", isNamed: false },
  ]);
  const sets = store.keySets.list();
  expect(sets.map((set) => [...set.issuer.reveal(), ...set.cardMaster.reveal()])).toEqual([
    [1, 2, 3, 4, ...new Uint8Array(16).fill(0x5a)],
  ]);
  expect(store.tokens.bySha256("ab")).toEqual({ id: "t1", name: "desk", role: "technician" });
  expect(store.webhooks.list().map(({ secret, ...same }) => ({ ...same, secret: secret.reveal() }))).toEqual(
    version < 3 ? [] : [{ ...webhook, secret: webhook.secret.reveal() }],
  );
  if (version >= 5) {
    expect(store.keypads.wishes("l1")).toEqual([{ ...wish, window: version < 8 ? null : wish.window }]);
    expect(store.keypads.slotsOf("access_code:k1")).toEqual([slot]);
    expect(store.keypads.unmanagedSlot("k2")).toEqual(slot);
    expect(store.keypads.life("k1")).toEqual(life);
    expect(store.keypads.openingsDue(88, 9)).toEqual([{ kind: "access_code", id: "k1" }]);
    expect(store.keypads.lock("l1")).toEqual(lock);
    expect(store.attempts.pendingOfCode("k1")).toEqual([codeAttempt]);
  }
  if (version >= 6) expect(store.doors.lockout("l1")).toEqual({ failures: 6, until: 99 });
  const origin = version < 3 ? null : "local socket";
  expect(store.audit.list({ limit: 9 })).toMatchObject([{ who: "local socket", origin, target: "c1" }]);
  expect(store.wakeups.next()).toBe(77);
  expect(store.meta.get("cursor")).toEqual({ epoch: { n: 1, id: "first" }, rev: 8 });
}

test("what this release writes, it reads back", () => {
  const store = tempStore();
  fill(store);
  store.close();
  expectFilled(tempStore({ path: store.path }));
});

/**
 * Stores as earlier releases left them: `fill` above, run by that release, as text. To add one, put a file
 * `version-<n>.sql` beside the others; it is the output of `.dump` and the two pragmas that `.dump` leaves out.
 */
const SHIPPED = Array.from({ length: STORE_VERSION }, (_, index) => index + 1);

test.each(SHIPPED)("a store of version %i is lifted to this release's and reads back", (version) => {
  const path = join(tempDir(), "store.db");
  const database = new Database(path);
  // A dump writes the text index into the schema itself.
  database.unsafeMode(true);
  database.exec(readFileSync(new URL(`fixtures/version-${version}.sql`, import.meta.url), "utf8"));
  expect(database.pragma("user_version", { simple: true })).toBe(version);
  database.close();

  const store = tempStore({ path });
  expectFilled(store, version);
  expect(store.journal.jid).toMatch(/^[0-9a-f-]{36}$/);
  store.close();
  const fresh = tempStore();
  fresh.close();
  expect(schemaOf(path)).toEqual(schemaOf(fresh.path));
});

function schemaOf(path: string): unknown {
  const database = new Database(path, { readonly: true });
  try {
    const version = database.pragma("user_version", { simple: true });
    return [version, database.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").all()];
  } finally {
    database.close();
  }
}
