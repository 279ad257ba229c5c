import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { objectRow, tempStore, testSealingKey } from "#test/support/temp-store";

const PIN = "7391462855";
const FEED_PIN = "6280417739";
const GUEST = "Wilhelmina Featherstonehaugh";
const master = Uint8Array.from({ length: 16 }, (_, index) => 0xc3 ^ (index * 37));

/** Every way in which these bytes could lie in a file. */
function formsOf(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes);
  return [
    buffer,
    ...["hex", "base64", "base64url"].map((encoding) =>
      Buffer.from(buffer.toString(encoding as BufferEncoding)),
    ),
    Buffer.from(buffer.toString("hex").toUpperCase()),
    Buffer.from(JSON.stringify([...buffer])),
    Buffer.from(buffer.toString("utf16le")),
  ];
}

const leaks = (files: readonly Buffer[], bytes: Uint8Array) =>
  formsOf(bytes).some((form) => files.some((file) => file.includes(form)));

test("no PIN and no key lies in the files, nor is what was removed left behind", () => {
  const store = tempStore();
  const credential = objectRow({ code: new Secret(PIN), searchText: GUEST.toLowerCase() });
  store.transaction(() => {
    store.objects.put(credential);
    store.objects.put(objectRow({ id: "user", kind: "acs_user", spec: { full_name: GUEST } }));
    const code_ref = store.journal.keepSecret(new Secret(PIN));
    store.journal.append({
      k: "local_change",
      t: 1,
      tq: "trusted",
      base_rev: 1,
      id: credential.id,
      kind: "acs_credential",
      data: { spec: credential.spec, code_ref, base_object_rev: 0 },
    });
    store.events.append({
      event_id: "e1",
      event_type: "acs_credential.issued",
      workspace_id: "w",
      created_at: "2026-11-22T14:00:00Z",
      occurred_at: "2026-11-22T14:00:00Z",
      acs_credential_id: credential.id,
    });
    store.attempts.create({
      id: "a1",
      actionType: "ENCODE_CREDENTIAL",
      status: "pending",
      result: null,
      error: null,
      credentialId: credential.id,
      encoderId: "e1",
      isCommand: false,
      createdAt: 1,
      finishedAt: null,
    });
    store.quarantine.put({
      epoch: 1,
      rev: 2,
      kind: "acs_credential",
      id: "poison",
      raw: Buffer.from(JSON.stringify({ code: FEED_PIN })),
      code: "schema",
    });
    store.keySets.add({
      version: 1,
      issuer: new Secret(master.subarray(0, 4)),
      cardMaster: new Secret(master),
      createdAt: 1,
    });
  });
  const secrets = [Buffer.from(PIN), Buffer.from(FEED_PIN), master, testSealingKey.reveal()];

  const whileOpen = [readFileSync(store.path), readFileSync(`${store.path}-wal`)];
  expect(leaks(whileOpen, Buffer.from(GUEST))).toBe(true);
  for (const secret of secrets) expect(leaks(whileOpen, secret)).toBe(false);
  expect(store.objects.list("acs_credential", { limit: 1, code: new Secret(PIN) })).toHaveLength(1);

  store.close();
  const closed = [readFileSync(store.path)];
  expect(leaks(closed, Buffer.from(GUEST))).toBe(true);
  for (const secret of secrets) expect(leaks(closed, secret)).toBe(false);

  const again = tempStore({ path: store.path });
  again.objects.remove("acs_user", "user", 2, false);
  again.close();
  expect(leaks([readFileSync(store.path)], Buffer.from(GUEST))).toBe(false);
});
