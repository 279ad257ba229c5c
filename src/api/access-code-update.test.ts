import { expect, test } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import type { JsonObject } from "#src/lib/json";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { type Answer, rigApi } from "#test/support/rig-api";
import { accessCodesUpdate } from "./schemas/access-codes.js";

/**
 * Every parameter of `/access_codes/update` over the whole gateway: what it does to the object and at the lock, or the
 * error that says why it cannot.
 */
const ID = "11111111-0000-4000-8000-000000000001";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A code on a lock; `code` is null where it is gone from the managed ones. */
class Case {
  readonly rig = new KeypadRig();
  api = rigApi(this.rig);
  #startedAt = 0;

  async begin({ isTimeBound = false, hasSchedule = false, startsIn = -HOUR }): Promise<this> {
    if (hasSchedule) this.rig.simulator.schedulers.add("lock-1");
    await this.rig.ready();
    this.#startedAt = Math.ceil(this.rig.clock.now() / MINUTE) * MINUTE;
    const frame = { type: "time_bound", starts_at: this.in(startsIn), ends_at: this.in(startsIn + 3 * HOUR) };
    this.rig.feedCode(ID, "4711", isTimeBound ? frame : {});
    await this.rig.settle();
    return this;
  }

  /** An instant by its distance from the beginning. */
  in(ms: number): string {
    return isoInstant(this.#startedAt + ms);
  }

  async update(input: JsonObject): Promise<Answer> {
    const answer = await this.api.post("/access_codes/update", { access_code_id: ID, ...input });
    await this.rig.settle();
    return answer;
  }

  async object(): Promise<JsonObject | null> {
    const { body } = await this.api.post("/access_codes/get", { access_code_id: ID });
    return (body["access_code"] as JsonObject | undefined) ?? null;
  }

  get held(): string[] {
    return Object.values(this.rig.held("lock-1"));
  }
}

interface Row {
  readonly parameter: string;
  readonly what: string;
  readonly before?: Parameters<Case["begin"]>[0];
  readonly prepare?: (it: Case) => unknown;
  readonly input: (it: Case) => JsonObject;
  /** Of the object; a string: the error's type and the parameter that it names. */
  readonly object: string | ((it: Case) => JsonObject | null);
  /** PINs on the lock when all is done; by default the code's own, as it was. */
  readonly held?: readonly string[];
  /** Orders that reached the lock; unless given it does not matter. */
  readonly orders?: number;
  readonly then?: (it: Case) => unknown;
}

const TIME_BOUND = { isTimeBound: true };

const ROWS: readonly Row[] = [
  {
    parameter: "name",
    what: "is changed at once, and is no business of the lock's",
    input: () => ({ name: "Bob" }),
    object: () => ({ name: "Bob", code: "4711", status: "set" }),
    orders: 0,
  },
  {
    parameter: "code",
    what: "replaces the PIN on the lock",
    input: () => ({ code: "4712" }),
    object: () => ({ code: "4712", status: "set", pending_mutations: [] }),
    held: ["4712"],
    orders: 1,
  },
  { parameter: "code", what: "too short", input: () => ({ code: "12" }), object: "400 invalid_input code" },
  {
    parameter: "code",
    what: "of a length that the lock does not take",
    input: () => ({ code: "123456789" }),
    object: "400 invalid_input code",
  },
  {
    parameter: "code",
    what: "that another code has",
    prepare: (it) => it.rig.feedCode("11111111-0000-4000-8000-000000000002", "4712"),
    input: () => ({ code: "4712" }),
    object: "409 duplicate_access_code ",
    held: ["4711", "4712"],
  },
  {
    parameter: "preferred_code_length",
    what: "makes a new PIN of that length",
    input: () => ({ preferred_code_length: 6 }),
    object: () => ({ code: expect.stringMatching(/^\d{6}$/) as string, status: "set" }),
    held: [expect.stringMatching(/^\d{6}$/) as string],
    orders: 1,
  },
  {
    parameter: "preferred_code_length",
    what: "that the PIN has already changes nothing",
    input: () => ({ preferred_code_length: 4 }),
    object: () => ({ code: "4711" }),
    orders: 0,
  },
  {
    parameter: "starts_at",
    what: "moved into the future takes the PIN off until then",
    before: TIME_BOUND,
    input: (it) => ({ starts_at: it.in(HOUR) }),
    object: (it) => ({
      starts_at: it.in(HOUR),
      status: "unset",
      pending_mutations: [{ mutation_code: "deferring_creation" }],
    }),
    held: [],
    async then(it) {
      await it.rig.settle(HOUR);
      expect(it.held).toEqual(["4711"]);
    },
  },
  {
    parameter: "starts_at",
    what: "after the end",
    before: TIME_BOUND,
    input: (it) => ({ starts_at: it.in(3 * HOUR) }),
    object: "400 invalid_input ends_at",
  },
  {
    parameter: "ends_at",
    what: "moved ahead keeps the PIN on the lock that long",
    before: TIME_BOUND,
    input: (it) => ({ ends_at: it.in(5 * HOUR) }),
    object: (it) => ({ ends_at: it.in(5 * HOUR), status: "set" }),
    orders: 0,
    async then(it) {
      await it.rig.settle(3 * HOUR);
      expect(it.held).toEqual(["4711"]);
      await it.rig.settle(3 * HOUR);
      expect(it.held).toEqual([]);
    },
  },
  {
    parameter: "ends_at",
    what: "makes an ongoing code time-bound",
    input: (it) => ({ ends_at: it.in(2 * HOUR) }),
    object: (it) => ({ type: "time_bound", ends_at: it.in(2 * HOUR) }),
  },
  {
    parameter: "ends_at",
    what: "in the past",
    before: TIME_BOUND,
    input: (it) => ({ ends_at: it.in(-MINUTE) }),
    object: "400 invalid_input ends_at",
  },
  {
    parameter: "type",
    what: "ongoing drops both instants",
    before: TIME_BOUND,
    input: () => ({ type: "ongoing" }),
    object: () => ({ type: "ongoing", status: "set" }),
    async then(it) {
      expect(await it.object()).not.toHaveProperty("ends_at");
      await it.rig.settle(10 * HOUR);
      expect(it.held).toEqual(["4711"]);
    },
  },
  {
    parameter: "type",
    what: "time_bound without an end",
    input: () => ({ type: "time_bound" }),
    object: "400 invalid_input ends_at",
  },
  {
    parameter: "type",
    what: "ongoing with an end",
    before: TIME_BOUND,
    input: (it) => ({ type: "ongoing", ends_at: it.in(5 * HOUR) }),
    object: "400 invalid_input type",
  },
  {
    parameter: "device_id",
    what: "of its lock",
    input: () => ({ device_id: LOCK.plain, name: "Bob" }),
    object: () => ({ name: "Bob" }),
  },
  {
    parameter: "device_id",
    what: "of another lock",
    input: () => ({ device_id: LOCK.masked }),
    object: "400 invalid_input device_id",
  },
  {
    parameter: "is_managed",
    what: "false leaves it on the lock as somebody else's",
    input: () => ({ is_managed: false }),
    object: () => null,
    orders: 0,
    async then(it) {
      const { body } = await it.api.post("/access_codes/unmanaged/get", { access_code_id: ID });
      expect(body["access_code"]).toMatchObject({ is_managed: false, code: "4711", status: "set" });
    },
  },
  {
    parameter: "is_managed",
    what: "true changes nothing",
    input: () => ({ is_managed: true }),
    object: () => ({ is_managed: true, status: "set" }),
    orders: 0,
  },
  ...(["allow_external_modification", "is_external_modification_allowed"] as const).map((parameter): Row => ({
    parameter,
    what: "keeps what is changed at the lock",
    input: () => ({ [parameter]: true }),
    object: () => ({ is_external_modification_allowed: true }),
    async then(it) {
      it.rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
      await it.rig.settle();
      expect(it.held).toEqual(["9999"]);
      expect(await it.object()).toMatchObject({
        warnings: [{ warning_code: "external_modification_in_effect" }],
      });
    },
  })),
  {
    parameter: "is_external_modification_allowed",
    what: "unlike its twin",
    input: () => ({ allow_external_modification: true, is_external_modification_allowed: false }),
    object: "400 invalid_input is_external_modification_allowed",
  },
  {
    parameter: "attempt_for_offline_device",
    what: "false while the lock is away",
    prepare: (it) => it.rig.unplug(),
    input: () => ({ attempt_for_offline_device: false, code: "4712" }),
    object: "400 device_offline ",
  },
  {
    parameter: "attempt_for_offline_device",
    what: "true while the lock is away waits for it",
    prepare: (it) => it.rig.unplug(),
    input: () => ({ attempt_for_offline_device: true, code: "4712" }),
    object: () => ({ code: "4712", status: "setting", errors: [{ error_code: "device_offline" }] }),
    async then(it) {
      await it.rig.plug();
      expect(it.held).toEqual(["4712"]);
    },
  },
  ...(["is_offline_access_code", "use_offline_access_code"] as const).map((parameter): Row => ({
    parameter,
    what: "no lock here has",
    input: () => ({ [parameter]: true }),
    object: "400 invalid_input is_offline_access_code",
  })),
  {
    parameter: "is_one_time_use",
    what: "belongs to offline codes",
    input: () => ({ is_one_time_use: true }),
    object: "400 invalid_input is_one_time_use",
  },
  {
    parameter: "max_time_rounding",
    what: "allows what is not needed: instants are kept to the second",
    before: TIME_BOUND,
    input: () => ({ max_time_rounding: "1d" }),
    object: (it) => ({ starts_at: it.in(-HOUR), ends_at: it.in(2 * HOUR), status: "set" }),
    orders: 0,
  },
  {
    parameter: "max_time_rounding",
    what: "of another length",
    input: () => ({ max_time_rounding: "2h" }),
    object: "400 invalid_input max_time_rounding",
  },
  {
    parameter: "prefer_native_scheduling",
    what: "false takes a code off a lock that keeps its time, until shortly before",
    before: { ...TIME_BOUND, hasSchedule: true, startsIn: 40 * HOUR },
    prepare: (it) => expect(Object.keys(it.rig.simulator.windowsOf("lock-1"))).toHaveLength(1),
    input: () => ({ prefer_native_scheduling: false }),
    object: () => ({ status: "unset", is_scheduled_on_device: false }),
    held: [],
    then: (it) => expect(it.rig.simulator.windowsOf("lock-1")).toEqual({}),
  },
  {
    parameter: "use_backup_access_code_pool",
    what: "fills the pool of the lock",
    before: TIME_BOUND,
    input: () => ({ use_backup_access_code_pool: true }),
    object: () => ({ is_backup_access_code_available: true }),
    held: ["4711", ...Array.from({ length: 3 }, () => expect.stringMatching(/^\d+$/) as string)],
  },
  {
    parameter: "use_backup_access_code_pool",
    what: "of an ongoing code",
    input: () => ({ use_backup_access_code_pool: true }),
    object: "400 invalid_input use_backup_access_code_pool",
  },
  {
    parameter: "sync",
    what: "answers once the lock has it",
    input: () => ({ sync: true, code: "4712" }),
    object: () => ({ code: "4712", status: "set" }),
    held: ["4712"],
  },
  {
    parameter: "access_code_id",
    what: "of no code",
    input: () => ({ access_code_id: LOCK.plain }),
    object: "404 access_code_not_found ",
  },
];

test("the table has every parameter", () => {
  const named = new Set(ROWS.map(({ parameter }) => parameter));
  expect([...named].sort()).toEqual(Object.keys(accessCodesUpdate.input.shape).sort());
});

test.each(ROWS)("$parameter $what", async (row) => {
  const it = await new Case().begin(row.before ?? {});
  await row.prepare?.(it);
  await it.rig.settle();
  const { changes } = it.rig.simulator;
  const before = await it.object();
  const { status, body } = await it.update(row.input(it));
  if (typeof row.object === "string") {
    const { type, validation_errors: at = {} } = body["error"] as JsonObject;
    const parameter = Object.keys(at as object).find((name) => name !== "_errors") ?? "";
    expect(`${status} ${type as string} ${parameter}`).toBe(row.object);
    expect(await it.object()).toEqual(before);
  } else {
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { ok: true, action_attempt: { action_type: "UPDATE_ACCESS_CODE" } },
    });
    if (row.parameter === "sync") expect(body["action_attempt"]).toMatchObject({ status: "success" });
    const wanted = row.object(it);
    if (wanted === null) expect(await it.object()).toBeNull();
    else expect(await it.object()).toMatchObject(wanted);
  }
  expect(it.held).toEqual(row.held ?? ["4711"]);
  if (row.orders !== undefined) expect(it.rig.simulator.changes - changes).toBe(row.orders);
  await row.then?.(it);
});

test("one bad parameter refuses the whole update", async () => {
  const it = await new Case().begin({});
  const { status } = await it.update({ name: "Bob", code: "4712", device_id: LOCK.masked });
  expect(status).toBe(400);
  expect(await it.object()).toMatchObject({ name: "Guest", code: "4711" });
  expect(it.held).toEqual(["4711"]);
});
