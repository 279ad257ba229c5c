import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ListQuery, ObjectRow } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { credentialRecord, objectRow, tempDir, tempStore, testSealingKey } from "#test/support/temp-store";
import { Attempts } from "./attempts.js";
import { Connection, type SqlParameters } from "./connection.js";
import { Events } from "./events.js";
import { checkVersion, migrate } from "./migrations.js";
import { Objects } from "./objects.js";
import { Sealer } from "./sealer.js";
import { tallyOf } from "./tally.js";
import { quarantineTable, wakeupsTable } from "./upkeep.js";
import { webhooksTable } from "./webhooks.js";

/** Keeps the plan of every query beside its answer. */
class ExplainedConnection extends Connection {
  #plan: string[] = [];

  override all(sql: string, parameters?: SqlParameters): unknown[] {
    this.#explain(sql, parameters);
    return super.all(sql, parameters);
  }

  override rows(sql: string, parameters?: SqlParameters): unknown[][] {
    this.#explain(sql, parameters);
    return super.rows(sql, parameters);
  }

  override column(sql: string, parameters?: SqlParameters): unknown[] {
    this.#explain(sql, parameters);
    return super.column(sql, parameters);
  }

  #explain(sql: string, parameters?: SqlParameters): void {
    const steps = super.all(`EXPLAIN QUERY PLAN ${sql}`, parameters) as { readonly detail: string }[];
    this.#plan.push(...steps.map((step) => step.detail));
  }

  planOf(work: () => unknown): string {
    this.#plan = [];
    work();
    return this.#plan.join("\n");
  }
}

function explained(): ExplainedConnection {
  const connection = new ExplainedConnection({ path: join(tempDir(), "s.db"), onFatal: () => undefined });
  onTestFinished(() => connection.close());
  connection.transaction(() => migrate(connection, checkVersion(connection)));
  return connection;
}

test("every query but a text search finds its rows by an index, in order", () => {
  const connection = explained();
  const sealer = new Sealer(testSealingKey);
  const objects = new Objects(connection, sealer);
  const attempts = new Attempts(connection);
  const webhooks = webhooksTable(connection, sealer);
  const events = new Events(connection, webhooks);
  const after = { createdAt: 1, id: "a" };
  const list = (query: Partial<ListQuery>) => objects.list("acs_credential", { limit: 10, ...query });
  const queries: Record<string, () => unknown> = {
    "one object": () => objects.get("acs_credential", "a"),
    "a page": () => list({ after }),
    "a page up to an instant": () => list({ createdBefore: 5 }),
    "a page of a system": () => list({ systemId: "s", after }),
    "a page of a user": () => list({ userId: "u", after }),
    "by PIN": () => list({ code: new Secret("4711"), after }),
    dirty: () => objects.dirty(100),
    blocked: () => objects.blocked("missing:", 100),
    "open jobs": () => objects.withOpenJob(),
    "by card": () => objects.byCardUid("04aa"),
    "by card credential": () => objects.byCardCredentialId("00"),
    "one attempt": () => attempts.get("a"),
    "a page of attempts": () => attempts.list({ limit: 10, after }),
    "pending attempts": () => attempts.pending(),
    "one event": () => events.get("e"),
    "events since": () => events.list({ since: 1, before: 9, limit: 10 }),
    "events of a credential": () => events.list({ where: { acs_credential_id: "c" }, since: 1, limit: 10 }),
    "events of a device": () => events.list({ where: { device_id: "d" }, limit: 10 }),
    "due wake-ups": () => wakeupsTable(connection).due(5, 10),
    quarantine: () => quarantineTable(connection, sealer).list(10),
    "credentials by state": () => tallyOf(connection).credentials(),
  };
  for (const [name, query] of Object.entries(queries)) {
    const plan = connection.planOf(query);
    expect(plan, name).toMatch(/USING (COVERING )?(INDEX|PRIMARY KEY)/);
    expect(plan, name).not.toMatch(/TEMP B-TREE/);
    expect(plan, name).not.toMatch(/SCAN \w+$/m);
  }
  const short = connection.planOf(() => list({ search: "an", code: new Secret("4711"), after }));
  expect(short).toMatch(/objects_by_age/);
  expect(short).not.toMatch(/TEMP B-TREE/);
  const search = connection.planOf(() => list({ search: "ann", code: new Secret("4711"), after }));
  expect(search).toMatch(/SCAN search_index VIRTUAL TABLE/);
  expect(search).toMatch(/SEARCH search_rows USING INTEGER PRIMARY KEY/);
  expect(search).toMatch(/SEARCH objects USING INDEX sqlite_autoindex_objects_1/);
});

test("a text that many hold is found by going through the list in its order", () => {
  const connection = explained();
  const objects = new Objects(connection, new Sealer(testSealingKey));
  connection.transaction(() => {
    for (let n = 0; n < 1_200; n += 1) objects.put(guest(n));
  });
  const plan = connection.planOf(() => objects.list("acs_credential", { search: "guest", limit: 100 }));
  expect(plan).toMatch(/SEARCH objects USING (COVERING )?INDEX objects_by_age/);
  expect(plan).not.toMatch(/TEMP B-TREE/);
  expect(plan).not.toMatch(/SEARCH search_rows/);
});

const MANY = 100_000;
const ROWS_AT_ONCE = 100;

function guest(n: number): ObjectRow {
  const id = `c${String(n).padStart(6, "0")}`;
  const uid = `04${n.toString(16).padStart(12, "0")}`;
  return objectRow({
    id,
    rev: n + 1,
    spec: { acs_credential_id: id, acs_user_id: `u${n % 5000}`, access_method: "card", state: "active" },
    record: credentialRecord(
      { generation: 1, cards: [{ generation: 1, uid, certainty: "written", validUntil: null }] },
      "issued",
    ),
    cardCredentialId: n.toString(16).padStart(16, "0"),
    dirty: n % 1000 === 0,
    createdAt: 1_790_000_000_000 + (n % 777),
    systemId: `s${n % 3}`,
    userId: `u${n % 5000}`,
    searchText: `guest ${n} room ${n % 400}`,
  });
}

test(
  "100,000 credentials are stored, listed whole by pages, and found one by one",
  { timeout: 180_000 },
  () => {
    const store = tempStore({ random: randomBytes });
    for (let first = 0; first < MANY; first += ROWS_AT_ONCE)
      store.transaction(() => {
        for (let n = first; n < first + ROWS_AT_ONCE; n++) store.objects.put(guest(n));
      });
    expect(store.objects.count("acs_credential")).toBe(MANY);

    const seen = new Set<string>();
    let after: ListQuery["after"];
    for (;;) {
      const page = store.objects.list("acs_credential", { limit: 1000, ...(after && { after }) });
      for (const row of page) seen.add(row.id);
      const last = page.at(-1);
      if (last === undefined) break;
      after = { createdAt: last.createdAt, id: last.id };
    }
    expect(seen.size).toBe(MANY);
    expect(store.objects.list("acs_credential", { userId: "u4321", limit: 100 })).toHaveLength(MANY / 5000);
    expect(store.objects.list("acs_credential", { search: "GUEST 99999 ", limit: 100 })).toHaveLength(1);
    expect(store.objects.byCardUid(`04${(54_321).toString(16).padStart(12, "0")}`)).toEqual([guest(54_321)]);
    expect(store.objects.byCardCredentialId((54_321).toString(16).padStart(16, "0"))?.id).toBe("c054321");
    expect(store.objects.dirty(1000)).toHaveLength(MANY / 1000);
  },
);
