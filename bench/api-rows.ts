import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { apiKeyDigest } from "#src/api/api-key";
import { objectId } from "#src/config/ids";
import { newCredentialRecord } from "#src/domain/credential/credential.step";
import type { ObjectRow } from "#src/engine/ports";
import { loadSealingKey } from "#src/store/sealing-key";
import { openStore } from "#src/store/store";

/** What the stores of the bench `api` hold: so many users, each with a credential. */
export const KEY = "seam_bench_key";
export const SITE = randomUUID();
export const SYSTEM = objectId(SITE, "acs_system", "main");
export const ROOM = objectId(SITE, "acs_entrance", "room-101");
const ROWS_AT_ONCE = 500;

export const FIRST_NAMES = ["Ada", "Bela", "Caro", "Dov", "Elif", "Femi", "Gita", "Hugo"];
const uuidOf = (kind: string, n: number) => `${kind}0000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
export const userId = (n: number) => uuidOf("d", n);
export const credentialId = (n: number) => uuidOf("c", n);
export const nameOf = (n: number) => `${FIRST_NAMES[n % 8] ?? ""} Guest${n.toString(36)}`;
const createdAt = (n: number) => 1_780_000_000_000 + n;

function rows(n: number): readonly ObjectRow[] {
  const head = {
    epoch: 0,
    rev: 0,
    code: null,
    dirty: false,
    blocked: null,
    provisional: null,
    gone: false,
    createdAt: createdAt(n),
    systemId: SYSTEM,
  };
  const made = new Date(createdAt(n)).toISOString();
  const user = { acs_user_id: userId(n), acs_system_id: SYSTEM, full_name: nameOf(n) };
  const credential = {
    acs_credential_id: credentialId(n),
    acs_system_id: SYSTEM,
    acs_user_id: userId(n),
    access_method: "card",
    allowed_acs_entrance_ids: [ROOM],
    starts_at: null,
    ends_at: "2030-01-01T12:00:00.000Z",
    is_one_time_use: false,
    has_code: false,
  };
  const desired = {
    rev: 0,
    fingerprint: "f".repeat(64),
    allowed: true,
    startsAt: null,
    endsAt: 1_893_499_200_000,
  };
  return [
    {
      ...head,
      kind: "acs_user",
      id: userId(n),
      spec: {
        ...user,
        acs_access_group_ids: [],
        granted_acs_entrance_ids: [],
        state: "active",
        created_at: made,
      },
      record: null,
      cardCredentialId: null,
      userId: null,
      searchText: `${userId(n)} ${nameOf(n).toLowerCase()}`,
    },
    {
      ...head,
      kind: "acs_credential",
      id: credentialId(n),
      spec: { ...credential, state: "active", created_at: made },
      record: newCredentialRecord({ issuance: "presented", desired, at: createdAt(n) }),
      cardCredentialId: n.toString(16).padStart(16, "0"),
      userId: userId(n),
      searchText: `${credentialId(n)} ${userId(n)} ${nameOf(n).toLowerCase()}`,
    },
  ];
}

/** A state directory with so many of both, and the bench's key. */
export function fill(stateDir: string, size: number): void {
  const sealingKey = loadSealingKey({ credentialsDirectory: undefined, stateDir, storeExists: false });
  const onFatal = (error: Error) => {
    throw error;
  };
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  const store = openStore({ path: join(stateDir, "lockbridge.db"), sealingKey, random, onFatal });
  store.tokens.add({ id: "bench", name: "bench", role: "admin", sha256: apiKeyDigest(KEY), createdAt: 1 });
  for (let first = 0; first < size; first += ROWS_AT_ONCE) {
    store.transaction(() => {
      for (let n = first; n < first + ROWS_AT_ONCE; n++) for (const row of rows(n)) store.objects.put(row);
    });
  }
  store.close();
}
