import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import type { ObjectRow, Store } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { openStore, type StoreOptions } from "#src/store/store";

/** A directory of its own for the running test, removed when it ends. */
export function tempDir(): string {
  const directory = mkdtempSync(join(tmpdir(), "lockbridge-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const testSealingKey = new Secret(
  Uint8Array.from(createHash("sha256").update("key of the tests").digest()),
);

/** The real store on a real file, closed when the test ends. */
export function tempStore(options: Partial<StoreOptions> = {}): Store & { readonly path: string } {
  const path = options.path ?? join(tempDir(), "store.db");
  const store = openStore({
    path,
    sealingKey: testSealingKey,
    random: randomBytes,
    onFatal: (error) => {
      throw error;
    },
    ...options,
  });
  onTestFinished(() => store.close());
  return { ...store, path };
}

/** An object as a page brings it, unless `changes` says otherwise. */
export function objectRow(changes: Partial<ObjectRow> = {}): ObjectRow {
  const id = changes.id ?? "c0000000-0000-4000-8000-000000000001";
  return {
    kind: "acs_credential",
    id,
    epoch: 1,
    rev: 1,
    spec: { acs_credential_id: id, state: "active" },
    code: null,
    record: null,
    cardCredentialId: null,
    dirty: false,
    blocked: null,
    provisional: null,
    gone: false,
    createdAt: 1_790_000_000_000,
    systemId: null,
    userId: null,
    searchText: "",
    ...changes,
  };
}

/** A credential's record: waiting for a card, unless `context` says otherwise. */
export function credentialRecord(
  context: Partial<CredentialRecord["context"]> = {},
  state = "waiting_to_be_issued",
): CredentialRecord {
  return {
    version: 1,
    issuance: "presented",
    state,
    context: {
      desired: { rev: 1, fingerprint: "f".repeat(64), allowed: true, startsAt: null, endsAt: null },
      denied: null,
      forgotten: false,
      generation: 0,
      issued: null,
      cards: [],
      doubt: null,
      job: null,
      why: null,
      since: 1_790_000_000_000,
      lagging: [],
      ...context,
    },
  };
}
