/**
 * Version 1. Instants are epoch milliseconds. Columns named `…_sealed` hold what `Sealer.seal` made. Triggers keep
 * what must never change from changing, whoever writes the SQL.
 */
export const SCHEMA_1 = `
CREATE TABLE identity (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  jid TEXT NOT NULL,
  key_check_sealed BLOB NOT NULL,
  opened INTEGER NOT NULL
) STRICT;

CREATE TABLE objects (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  spec TEXT NOT NULL,
  denied INTEGER NOT NULL,
  code_sealed BLOB,
  code_lookup BLOB,
  record TEXT,
  job_id TEXT,
  card_credential_id TEXT,
  dirty INTEGER NOT NULL,
  blocked TEXT,
  provisional INTEGER,
  gone INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  system_id TEXT,
  user_id TEXT,
  search_text TEXT NOT NULL,
  UNIQUE (kind, id)
) STRICT;
CREATE INDEX objects_by_age ON objects (kind, created_at, id) WHERE gone = 0;
CREATE INDEX objects_by_system ON objects (kind, system_id, created_at, id) WHERE gone = 0 AND system_id IS NOT NULL;
CREATE INDEX objects_by_user ON objects (kind, user_id, created_at, id) WHERE gone = 0 AND user_id IS NOT NULL;
CREATE INDEX objects_by_code ON objects (kind, code_lookup, created_at, id) WHERE gone = 0 AND code_lookup IS NOT NULL;
CREATE INDEX objects_dirty ON objects (denied DESC, epoch, rev, kind, id) WHERE dirty = 1;
CREATE INDEX objects_blocked ON objects (blocked, kind, id) WHERE blocked IS NOT NULL;
CREATE INDEX objects_with_job ON objects (id) WHERE job_id IS NOT NULL;
CREATE UNIQUE INDEX objects_by_card_credential ON objects (card_credential_id) WHERE card_credential_id IS NOT NULL;

-- Which credentials have a live card with this UID; follows objects.record.
CREATE TABLE cards (
  uid TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (uid, kind, id),
  FOREIGN KEY (kind, id) REFERENCES objects (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX cards_by_object ON cards (kind, id);

CREATE TABLE tombstones (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  revoked INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
  BEGIN SELECT RAISE(ABORT, 'a journal row never changes'); END;
CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
  BEGIN SELECT RAISE(ABORT, 'a journal row is never removed'); END;

CREATE TABLE journal_secrets (
  ref TEXT PRIMARY KEY,
  -- The newest journal row that names it; null until the one it was made for is appended.
  seq INTEGER,
  code_sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX journal_secrets_by_seq ON journal_secrets (seq);

CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  action_type TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'success', 'error')),
  result TEXT NOT NULL,
  error TEXT,
  credential_id TEXT,
  encoder_id TEXT,
  is_command INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_age ON attempts (created_at, id);
CREATE INDEX attempts_pending ON attempts (created_at, id) WHERE status = 'pending';
CREATE TRIGGER attempts_end_once BEFORE UPDATE ON attempts WHEN OLD.status <> 'pending'
  BEGIN SELECT RAISE(ABORT, 'a finished attempt never changes'); END;

CREATE TABLE events (
  -- Events of one instant keep the order in which they happened.
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  body TEXT NOT NULL,
  acs_credential_id TEXT,
  acs_user_id TEXT,
  acs_system_id TEXT,
  acs_encoder_id TEXT,
  acs_entrance_id TEXT,
  device_id TEXT,
  access_code_id TEXT
) STRICT;
CREATE INDEX events_by_time ON events (occurred_at);
CREATE INDEX events_by_type ON events (type, occurred_at);
CREATE INDEX events_by_credential ON events (acs_credential_id, occurred_at) WHERE acs_credential_id IS NOT NULL;
CREATE INDEX events_by_user ON events (acs_user_id, occurred_at) WHERE acs_user_id IS NOT NULL;
CREATE INDEX events_by_system ON events (acs_system_id, occurred_at) WHERE acs_system_id IS NOT NULL;
CREATE INDEX events_by_encoder ON events (acs_encoder_id, occurred_at) WHERE acs_encoder_id IS NOT NULL;
CREATE INDEX events_by_entrance ON events (acs_entrance_id, occurred_at) WHERE acs_entrance_id IS NOT NULL;
CREATE INDEX events_by_device ON events (device_id, occurred_at) WHERE device_id IS NOT NULL;
CREATE INDEX events_by_access_code ON events (access_code_id, occurred_at) WHERE access_code_id IS NOT NULL;

CREATE TABLE key_sets (
  version INTEGER PRIMARY KEY,
  issuer_sealed BLOB NOT NULL,
  card_master_sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'technician', 'admin')),
  sha256 TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  raw_sealed BLOB NOT NULL,
  code TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT;
CREATE INDEX quarantine_by_rev ON quarantine (epoch, rev, kind, id);

CREATE TABLE wakeups (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX wakeups_by_time ON wakeups (at, kind, id);

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  target TEXT
) STRICT;

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`;
