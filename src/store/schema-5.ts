/**
 * Version 5: codes on locks. What is wanted on which lock, what is known of each slot, what was last told of each code
 * and lock, and what action attempts at locks are about. PINs are in none of it: `pin` is a keyed hash, and so are those
 * in `state`.
 */
export const SCHEMA_5 = `
CREATE TABLE code_wishes (
  lock_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  pin TEXT NOT NULL,
  allows_outside INTEGER NOT NULL,
  -- Of two wishes the older goes first.
  since INTEGER NOT NULL,
  PRIMARY KEY (lock_id, kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_wishes_by_object ON code_wishes (kind, id);

CREATE TABLE lock_slots (
  lock_id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  state TEXT NOT NULL,
  owner TEXT GENERATED ALWAYS AS (state ->> '$.owner') STORED,
  -- The access_code that stands for what somebody else put there.
  unmanaged_id TEXT,
  PRIMARY KEY (lock_id, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX lock_slots_by_owner ON lock_slots (owner) WHERE owner IS NOT NULL;
CREATE INDEX lock_slots_by_unmanaged ON lock_slots (unmanaged_id) WHERE unmanaged_id IS NOT NULL;

CREATE TABLE code_lives (
  id TEXT PRIMARY KEY,
  life TEXT NOT NULL,
  status TEXT GENERATED ALWAYS AS (life ->> '$.observed.status') STORED
) STRICT, WITHOUT ROWID;
CREATE INDEX code_lives_under_way ON code_lives (status) WHERE status IN ('setting', 'removing');

-- Codes that are to be put on their locks at an instant.
CREATE TABLE code_openings (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_openings_by_time ON code_openings (at, kind, id);

CREATE TABLE locks (
  id TEXT PRIMARY KEY,
  observed TEXT NOT NULL,
  settings TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE attempts ADD COLUMN device_id TEXT;
ALTER TABLE attempts ADD COLUMN access_code_id TEXT;
CREATE INDEX attempts_by_device ON attempts (device_id, created_at, id) WHERE device_id IS NOT NULL;
CREATE INDEX attempts_by_code ON attempts (access_code_id) WHERE access_code_id IS NOT NULL AND status = 'pending';
`;
