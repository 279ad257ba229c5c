import fc from "fast-check";
import { expect, test } from "vitest";
import { createCloudLink } from "#src/cloud/link";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { CloudSite } from "#src/sandbox/cloud/site";
import { MemoryCarrier, straightOn, type Travel } from "#test/support/memory-carrier";
import { MemoryGateway, silentLog } from "#test/support/memory-gateway";
import { VirtualClock } from "#test/support/virtual-clock";

/** A stream of numbers in [0, 1) from one seed (mulberry32). */
function chanceFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Loses, repeats, delays and so reorders messages, both ways. */
const lossy =
  (clock: VirtualClock, chance: () => number): Travel =>
  (bytes, arrive) => {
    if (chance() < 0.2) return;
    const times = chance() < 0.2 ? 2 : 1;
    for (let time = 0; time < times; time++) {
      clock.startTimer(Math.floor(chance() * 4_000), () => arrive(bytes));
    }
  };

const user = (id: string, name: string): JsonObject => ({
  acs_user_id: id,
  acs_system_id: "sys",
  full_name: name,
  state: "active",
  created_at: "2026-11-22T10:00:00Z",
});

function world(seed: number) {
  const chance = chanceFrom(seed);
  const clock = new VirtualClock();
  const random = (size: number) => Uint8Array.from({ length: size }, () => Math.floor(chance() * 256));
  const site = new CloudSite({
    siteId: "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10",
    gatewayId: "g",
    clock,
    random,
  });
  const gateway = new MemoryGateway();
  const carrier = new MemoryCarrier(site, clock, lossy(clock, chance));
  const link = createCloudLink({
    gateway: "g",
    sw: "1",
    carrier,
    store: gateway.store,
    engine: gateway.engine,
    clock,
    time: { read: () => ({ now: clock.now(), quality: "trusted", certain: clock.now() }) },
    random,
    log: silentLog,
  });
  return { clock, site, gateway, carrier, link };
}
type World = ReturnType<typeof world>;

const id = fc.nat(6).map((number) => `u${number}`);
const act: fc.Arbitrary<{ readonly name: string; readonly run: (world: World, at: number) => unknown }> =
  fc.oneof(
    {
      weight: 4,
      arbitrary: id.map((user_) => ({
        name: `cloud puts ${user_}`,
        run: ({ site }: World, at: number) => cloudPut(site, user_, at),
      })),
    },
    {
      weight: 2,
      arbitrary: id.map((user_) => ({
        name: `cloud deletes ${user_}`,
        run: ({ site }: World) => site.delete("acs_user", user_),
      })),
    },
    {
      weight: 1,
      arbitrary: id.map((user_) => ({
        name: `cloud forgets ${user_}`,
        run: ({ site }: World) => site.forget("acs_user", user_),
      })),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(id, fc.constantFrom("active", "active", "revoked")).map(([user_, state]) => ({
        name: `desk changes ${user_} to ${state}`,
        run: ({ gateway }: World, at: number) => deskChange(gateway, user_, state, at),
      })),
    },
    {
      weight: 2,
      arbitrary: fc.constant({
        name: "scan",
        run: ({ site }: World) => site.command("scan", "e", null, "app"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.constant({
        name: "finish what runs",
        run: ({ gateway }: World) => {
          for (const [command, attempt] of gateway.attempts) {
            if (attempt.status !== "pending") continue;
            gateway.attempts.set(command, { ...attempt, status: "success" });
            gateway.finish(command);
          }
        },
      }),
    },
    { weight: 1, arbitrary: fc.constant({ name: "cut", run: ({ carrier }: World) => carrier.breakDown() }) },
    {
      weight: 1,
      arbitrary: fc.constant({ name: "cloud restarts", run: ({ site }: World) => site.dropSession() }),
    },
    {
      weight: 1,
      arbitrary: fc.boolean().map((storeFails) => ({
        name: `disk full: ${storeFails}`,
        run: ({ gateway }: World) => void (gateway.storeFails = storeFails),
      })),
    },
    {
      weight: 5,
      arbitrary: fc
        .nat(20_000)
        .map((ms) => ({ name: `${ms} ms`, run: ({ clock }: World) => clock.advance(ms) })),
    },
  );

function cloudPut(site: CloudSite, userId: string, at: number): void {
  const object = site.feed.get("acs_user", userId);
  if (object?.isGone === true || object?.isForgotten === true) return; // Ids are never used again.
  const state = object?.spec["state"] ?? "active";
  const code = at % 2 === 0 ? new Secret(String(1000 + at)) : null;
  site.put({ kind: "acs_user", id: userId, spec: { ...user(userId, `cloud ${at}`), state }, code });
}

/** As the engine does: the document is changed here at once, and announced. */
function deskChange(gateway: MemoryGateway, userId: string, state: string, at: number): void {
  const before = gateway.objects.get(`acs_user/${userId}`);
  const spec = { ...user(userId, `desk ${at}`), state };
  gateway.localChange("acs_user", userId, spec, { pin: String(2000 + at), base: before?.rev ?? 0 });
}

test("over a link that loses, repeats and reorders, both sides come to rest and are equal", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(act, { minLength: 5, maxLength: 40 }), async (seed, acts) => {
      const made = world(seed);
      const { clock, site, gateway, carrier, link } = made;
      link.start();
      const attempts = new Map<string, JsonObject>();
      for (const [at, { run }] of acts.entries()) {
        await run(made, at);
        for (const attempt of site.commands.list()) {
          const before = attempts.get(attempt.id);
          // What has ended never changes again.
          if (before !== undefined && before["status"] !== "pending") expect({ ...attempt }).toEqual(before);
          attempts.set(attempt.id, { ...attempt });
        }
      }
      carrier.travel = straightOn(clock);
      gateway.storeFails = false;
      await clock.advance(12 * 60_000);
      site.expire();

      expect(gateway.cursor?.rev ?? 0).toBe(site.feed.head);
      for (const object of site.feed.list("acs_user")) {
        const here = gateway.objects.get(`acs_user/${object.id}`);
        expect(here).toMatchObject({ rev: object.rev, spec: object.spec });
        expect(here?.code?.reveal()).toBe(object.code?.reveal());
      }
      expect(gateway.blocked).toEqual([]);
      const told = site.ledger.events(gateway.jid).map(({ event }) => event);
      expect(told).toEqual(gateway.events.map(({ seq, prev, event }) => ({ seq, prev, ...event })));
      expect(link.status()).toMatchObject({
        phase: "welcomed",
        isCaughtUp: true,
        problem: null,
        ackedSeq: gateway.events.length,
      });
      const ran = gateway.ran.map((command) => command.id);
      expect(new Set(ran).size).toBe(ran.length);
      expect(site.commands.list().filter(({ status }) => status === "pending")).toEqual([]);
      // Every change of the desk was ruled on, and denials of either side hold.
      for (const { event } of gateway.events) {
        if (event.k !== "local_change") continue;
        const object = site.feed.get("acs_user", event.id);
        expect(object).toBeDefined();
        if (event.data.spec["state"] === "revoked") expect(object?.spec["state"]).not.toBe("active");
      }
      // Revs are places in the feed: hashing what both hold gives the same.
      expect(fingerprintOf([...gateway.objects.values()].map(({ rev }) => rev).sort())).toBe(
        fingerprintOf(
          site.feed
            .list("acs_user")
            .map(({ rev }) => rev)
            .sort(),
        ),
      );
      await link.stop();
      expect(clock.pending).toBe(0);
      site.close();
    }),
    { numRuns: 40 },
  );
}, 120_000);
