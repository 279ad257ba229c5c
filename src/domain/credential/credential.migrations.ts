import { z } from "zod";
import { isStateOf } from "./credential.states.js";
import { type CredentialRecord, credentialRecordSchema, RECORD_VERSION } from "./credential.schema.js";

/** A stored record that this software cannot read. Nothing may be decided from it. */
export class CredentialRecordError extends Error {
  override readonly name = "CredentialRecordError";
}

type StoredRecord = Readonly<Record<string, unknown>>;

/**
 * Entry n lifts version n + 1 to n + 2; the last one makes the version that the machines of this release read. An
 * entry that has shipped is never changed.
 */
const MIGRATIONS: readonly ((record: StoredRecord) => StoredRecord)[] = [];

const envelope = z.looseObject({ version: z.number().int().min(1) });

/** A record as it was stored by this or any earlier release. Throws `CredentialRecordError` with what is wrong. */
export function parseCredentialRecord(json: unknown): CredentialRecord {
  const stored = envelope.safeParse(json);
  if (!stored.success) throw new CredentialRecordError("a credential record carries no version");
  const { version } = stored.data;
  if (version > RECORD_VERSION) {
    throw new CredentialRecordError(
      `a credential record has version ${version}, this release reads up to ${RECORD_VERSION}: install the newer release again`,
    );
  }
  const lifted = MIGRATIONS.slice(version - 1).reduce<StoredRecord>(
    (record, migrate) => migrate(record),
    stored.data,
  );
  const record = credentialRecordSchema.safeParse(lifted);
  if (!record.success) {
    throw new CredentialRecordError(`a credential record is damaged: ${z.prettifyError(record.error)}`);
  }
  const { issuance, state } = record.data;
  if (!isStateOf(issuance, state)) {
    throw new CredentialRecordError(
      `a credential record is damaged: no ${issuance} credential is ever "${state}"`,
    );
  }
  return record.data;
}
