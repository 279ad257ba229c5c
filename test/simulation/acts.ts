import { SeamError } from "#src/api/model";
import type { Caller } from "#src/api/model";
import type { ObjectKind } from "#src/domain/spec";
import type { Json, JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { StoreError } from "#src/store/store-error";
import { PhysicalCard } from "./deck.js";
import type { EncoderFault } from "./encoder.js";
import type { Life } from "./life.js";
import { FINE } from "./network.js";
import { DENIED } from "./oracle.js";
import { DESK, ENTRANCES, POOL, SYSTEM } from "./site.js";
import type { World } from "./world.js";

/** Everything that can happen, and how often. Each act takes its chances from `world.chance`. */
interface Act {
  readonly weight: number;
  readonly run: (world: World) => void;
}

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const CLERKS: readonly Caller[] = ["ada", "bob"].map((name) => ({ name, role: "admin", seesPins: true }));

const iso = (at: number): string => new Date(at).toISOString();

function endOfStay({ chance, timeline }: World): string | null {
  if (chance.isOneIn(4)) return null;
  const hours = chance.isOneIn(4) ? 1 + chance.below(3) : 24 * (1 + chance.below(20));
  return iso(timeline.now() + hours * HOUR);
}

function doors({ chance }: World): readonly string[] {
  const room = chance.pick(ENTRANCES) ?? POOL;
  return chance.isOneIn(3) ? [room, POOL] : [room];
}

/** Somebody at the desk, if the daemon runs. What it refuses is no fault of it. */
function atDesk(world: World, what: string, work: (life: Life, by: Caller) => string): void {
  const { life } = world;
  const by = world.chance.pick(CLERKS);
  if (life === null || by === undefined) return;
  try {
    const id = work(life, by);
    world.note(`${by.name} ${what} ${id}`);
  } catch (error) {
    if (error instanceof StoreError && error.code === "disk_full")
      world.note(`${by.name} ${what}: disk full`);
    else if (error instanceof SeamError) world.note(`${by.name} ${what}: refused, ${error.type}`);
    else throw error;
  }
}

const textOf = (value: Json | undefined): string => (typeof value === "string" ? value : "");

/** Mostly one of the newest, so that many things happen to the same one; or the one that is being written just now. */
function someCredential({ chance, credentials, jobAtWork }: World): string {
  if (chance.isOneIn(3) && jobAtWork?.credentialId != null) return jobAtWork.credentialId;
  return chance.pick(chance.isOneIn(4) ? credentials : credentials.slice(-3)) ?? "none";
}
const someUser = ({ chance, users }: World): string => chance.pick(users) ?? "none";

/** The cloud changes what it wants of an object that is not denied. */
function cloudChanges(world: World, kind: ObjectKind, id: string, change: JsonObject): void {
  const object = world.site.feed.get(kind, id);
  if (object === undefined || object.isGone || DENIED.has(object.spec["state"])) return;
  world.site.put({ kind, id, spec: { ...object.spec, ...change }, code: object.code });
  world.note(`cloud changes ${kind} ${id} ${JSON.stringify(change)}`);
}

function createUser(world: World, id: string): void {
  const { site, timeline, users } = world;
  const spec = {
    acs_user_id: id,
    acs_system_id: SYSTEM,
    full_name: "Guest",
    state: "active",
    created_at: iso(timeline.now()),
  };
  site.put({ kind: "acs_user", id, spec, code: null });
  if (!users.includes(id)) users.push(id);
  world.note(`cloud creates acs_user ${id}`);
}

function createCredential(world: World, changes: JsonObject = {}, code: string | null = null): void {
  const { site, timeline, chance, credentials } = world;
  const id = world.newId();
  const isLater = chance.isOneIn(10);
  const user = isLater ? world.newId() : chance.isOneIn(2) ? (chance.pick(world.users) ?? null) : null;
  if (isLater && user !== null) {
    // The user comes in a later change: the credential has to wait for it.
    timeline.startTimer(20_000, () => createUser(world, user));
  }
  const spec: JsonObject = {
    acs_credential_id: id,
    acs_system_id: SYSTEM,
    acs_user_id: user,
    access_method: "card",
    allowed_acs_entrance_ids: doors(world),
    starts_at: null,
    ends_at: endOfStay(world),
    is_one_time_use: false,
    has_code: code !== null,
    state: "active",
    created_at: iso(timeline.now()),
    ...changes,
  };
  site.put({ kind: "acs_credential", id, spec, code: code === null ? null : new Secret(code) });
  credentials.push(id);
  world.note(`cloud creates acs_credential ${id}`);
}

/** An app can deny what the cloud knows. */
function deny(world: World, id: string, work: () => void): void {
  if (world.site.feed.get("acs_credential", id) === undefined) return;
  world.oracle.perhapsDenied.add(id);
  work();
  world.oracle.denied.add(id);
}

/** At the desk: sure only if the daemon lived to answer. */
function deskDenies(
  world: World,
  what: string,
  ids: readonly string[],
  work: (life: Life, by: Caller) => void,
): void {
  for (const id of ids) world.oracle.perhapsDenied.add(id);
  atDesk(world, what, (life, by) => {
    work(life, by);
    if (world.life === life) for (const id of ids) world.oracle.denied.add(id);
    return ids.join(" ");
  });
}

/** A person adopts what only the site has, or refuses it. */
export function ruleOn(world: World, kind: ObjectKind, id: string): void {
  const { chance, oracle, site } = world;
  const verdict = chance.isOneIn(3) ? "refused" : "adopted";
  if (verdict === "refused") oracle.perhapsDenied.add(id);
  if (site.ruleOnOrphan(kind, id, verdict) && verdict === "refused") oracle.denied.add(id);
  world.note(`the orphan ${kind} ${id} is ${verdict}`);
}

const FAULTS: readonly EncoderFault["what"][] = [
  "tear",
  "swap",
  "unplug",
  "silence",
  "crash_before",
  "crash_after",
];

export const ACTS: Readonly<Record<string, Act>> = {
  "cloud creates user": { weight: 2, run: (world) => createUser(world, world.newId()) },
  "cloud creates credential": {
    weight: 7,
    run: (world) => createCredential(world, {}, world.chance.isOneIn(4) ? world.pin() : null),
  },
  "cloud creates code": {
    weight: 1,
    run: (world) => createCredential(world, { access_method: "code" }, world.pin()),
  },
  "cloud moves the end": {
    weight: 4,
    run: (world) =>
      cloudChanges(world, "acs_credential", someCredential(world), { ends_at: endOfStay(world) }),
  },
  "cloud changes doors": {
    weight: 2,
    run: (world) =>
      cloudChanges(world, "acs_credential", someCredential(world), {
        allowed_acs_entrance_ids: doors(world),
      }),
  },
  "cloud assigns": {
    weight: 2,
    run: (world) =>
      cloudChanges(world, "acs_credential", someCredential(world), { acs_user_id: someUser(world) }),
  },
  "cloud suspends or not": {
    weight: 3,
    run(world) {
      const state = world.chance.isOneIn(2) ? "suspended" : "active";
      if (world.chance.isOneIn(3)) cloudChanges(world, "acs_user", someUser(world), { state });
      else cloudChanges(world, "acs_credential", someCredential(world), { state });
    },
  },
  "cloud changes many": {
    weight: 1,
    run(world) {
      for (const id of world.credentials.slice(-60))
        cloudChanges(world, "acs_credential", id, { ends_at: endOfStay(world) });
    },
  },
  "cloud revokes": {
    weight: 3,
    run(world) {
      const id = someCredential(world);
      deny(world, id, () => world.site.revoke(id));
      world.note(`cloud revokes ${id}`);
    },
  },
  "cloud deletes": {
    weight: 2,
    run(world) {
      const id = someCredential(world);
      deny(world, id, () => world.site.delete("acs_credential", id));
      world.note(`cloud deletes ${id}`);
    },
  },
  "cloud revokes what is at the encoder": {
    weight: 3,
    run(world) {
      const { chance, jobAtWork, timeline, bench } = world;
      const id = jobAtWork?.credentialId;
      const card = chance.pick(world.cards) ?? null;
      const ms = chance.below(1_500);
      if (id == null) return;
      deny(world, id, () => world.site.revoke(id));
      world.note(`cloud revokes ${id}, and a card is put on the encoder ${ms} ms later`);
      timeline.startTimer(ms, () => bench.put(card));
    },
  },
  "cloud revokes many": {
    weight: 1,
    run(world) {
      const ids = world.credentials.slice(-60);
      world.note(`cloud revokes ${ids.length} credentials`);
      world.site.transact(() => {
        for (const id of ids) deny(world, id, () => world.site.revoke(id));
      });
    },
  },
  "cloud forgets": {
    weight: 2,
    run(world) {
      const id = someCredential(world);
      if (world.site.forget("acs_credential", id)) world.note(`cloud forgets ${id}`);
    },
  },
  "cloud commands encode": {
    weight: 9,
    run(world) {
      const id = world.chance.isOneIn(20) ? world.newId() : someCredential(world);
      const attempt = world.site.command("encode", DESK, id, "app");
      world.note(`cloud commands encode ${id} as ${attempt.id}`);
    },
  },
  "cloud commands scan or erase": {
    weight: 3,
    run(world) {
      const act = world.chance.isOneIn(2) ? "scan" : "erase";
      const encoder = world.chance.isOneIn(10) ? world.newId() : DESK;
      world.note(`cloud commands ${act} as ${world.site.command(act, encoder, null, "app").id}`);
    },
  },
  "cloud sends poison": {
    weight: 1,
    run(world) {
      const id = world.newId();
      world.poison.push(id);
      const isKnownKind = world.chance.isOneIn(2);
      // A newer cloud's kind, or a broken cloud's document: neither passes the types of this one.
      const kind = (isKnownKind ? "acs_credential" : "acs_moonbeam") as ObjectKind;
      world.site.put({ kind, id, spec: { state: "active", note: "poison" }, code: new Secret(world.pin()) });
      world.note(`cloud sends poison ${id}`);
    },
  },
  "cloud drops the session": {
    weight: 1,
    run(world) {
      world.site.dropSession();
      world.note("cloud drops the session");
    },
  },
  "cloud is backed up": {
    weight: 3,
    run(world) {
      world.backups.push(world.site.backUp());
      if (world.backups.length > 6) world.backups.shift();
      world.note(`the cloud is backed up at ${world.site.feed.head}`);
    },
  },
  "cloud is restored": {
    weight: 1,
    run(world) {
      const { backups, chance, site, oracle } = world;
      const index = chance.below(backups.length);
      const backup = backups[index];
      if (backup === undefined) return;
      // What was kept of a history that is given up is not gone back to.
      backups.length = index + 1;
      const from = site.feed.head;
      site.restore(backup);
      oracle.cloudRestored();
      world.note(`the cloud is restored: ${from} becomes ${site.feed.head}, epoch ${site.feed.epoch.n}`);
    },
  },
  "cloud rebuilds its feed": {
    weight: 1,
    run(world) {
      const { history, head } = world.site.feed;
      if (!world.chance.isOneIn(2)) return;
      history.bump(head);
      world.site.dropSession();
      world.note(`the cloud's feed is another one: epoch ${history.epoch.n}`);
    },
  },
  "cloud raises its floor": {
    weight: 3,
    run(world) {
      for (const id of world.credentials.slice(-20)) {
        if (world.chance.isOneIn(2) && world.site.forget("acs_credential", id))
          world.note(`cloud forgets ${id}`);
      }
      world.site.raiseFloor();
      world.note(`the floor is ${world.site.feed.floor}`);
    },
  },
  "somebody rules on an orphan": {
    weight: 2,
    run(world) {
      const orphan = world.chance.pick(world.site.orphans.list());
      if (orphan !== undefined) ruleOn(world, orphan.kind, orphan.id);
    },
  },
  "desk creates": {
    weight: 4,
    run: (world) =>
      atDesk(world, "creates a credential", ({ seam }, by) => {
        const end = endOfStay(world);
        const wish = {
          systemId: SYSTEM,
          accessMethod: "card",
          entranceIds: doors(world),
          endsAt: end === null ? undefined : Date.parse(end),
          isOneTimeUse: false,
          isMultiPhoneSync: false,
          brandMetadata: [],
          code: world.chance.isOneIn(3) ? new Secret(world.pin()) : undefined,
        } as const;
        const id = textOf(seam.credentials.create(wish, by)["acs_credential_id"]);
        world.credentials.push(id);
        return id;
      }),
  },
  "desk creates user": {
    weight: 1,
    run: (world) =>
      atDesk(world, "creates a user", ({ seam }, by) => {
        const id = textOf(seam.users.create({ systemId: SYSTEM, fullName: "Walk-in" }, by)["acs_user_id"]);
        world.users.push(id);
        return id;
      }),
  },
  "desk moves the end": {
    weight: 4,
    run: (world) =>
      atDesk(world, "moves the end of", ({ seam }, by) => {
        const id = someCredential(world);
        seam.credentials.update(
          id,
          { endsAt: world.timeline.now() + (1 + world.chance.below(300)) * HOUR },
          by,
        );
        return id;
      }),
  },
  "desk assigns": {
    weight: 2,
    run: (world) =>
      atDesk(world, "assigns", ({ seam }, by) => {
        const id = someCredential(world);
        seam.credentials.assign(id, someUser(world), by);
        return id;
      }),
  },
  "desk revokes": {
    weight: 2,
    run(world) {
      const id = someCredential(world);
      deskDenies(world, "revokes", [id], ({ desk }, by) => void desk.revoke(id, by));
    },
  },
  "desk deletes": {
    weight: 2,
    run(world) {
      const id = someCredential(world);
      deskDenies(world, "deletes", [id], ({ seam }, by) => seam.credentials.delete(id, by));
    },
  },
  "desk deletes user": {
    weight: 1,
    run(world) {
      const id = someUser(world);
      const theirs = world.life?.store.objects.list("acs_credential", { userId: id, limit: 1_000 }) ?? [];
      deskDenies(world, "deletes the user", [id, ...theirs.map((row) => row.id)], ({ seam }, by) =>
        seam.users.delete(id, by),
      );
    },
  },
  "desk encodes": {
    weight: 10,
    run: (world) =>
      atDesk(world, "encodes", ({ desk }, by) => {
        const credentialId = someCredential(world);
        desk.encode({ encoderId: DESK, credentialId, overwrite: world.chance.isOneIn(2) }, by);
        return credentialId;
      }),
  },
  "desk scans or erases": {
    weight: 4,
    run: (world) =>
      atDesk(world, "scans or erases", ({ desk, seam }, by) => {
        if (world.chance.isOneIn(3)) desk.erase({ encoderId: DESK }, by);
        else seam.encoders.scan({ encoderId: DESK }, by);
        return "";
      }),
  },
  "desk cancels": {
    weight: 1,
    run: (world) =>
      atDesk(world, "cancels", ({ desk, engine }, by) => {
        const job = world.chance.pick(engine.jobs.running());
        if (job !== undefined) void desk.cancel(job.id, by);
        return job?.id ?? "nothing";
      }),
  },
  "a card is destroyed": {
    weight: 1,
    run(world) {
      const { chance, cards, life, bench } = world;
      const card = chance.pick(cards);
      const owner = card && life?.store.objects.byCardUid(card.seen.uid)[0];
      const listed = owner?.record?.context.cards.find(({ uid }) => uid === card?.seen.uid);
      if (card === undefined || owner === undefined || listed === undefined || bench.card === card) return;
      if (world.jobAtWork !== undefined) return;
      cards.splice(cards.indexOf(card), 1, new PhysicalCard(chance.bytes(4)));
      atDesk(world, `says that card ${card.seen.uid} is destroyed of`, ({ desk }, by) => {
        desk.settle({ credentialId: owner.id, generation: listed.generation }, by);
        return owner.id;
      });
    },
  },
  "a card is put on": {
    weight: 22,
    run(world) {
      const card = world.chance.pick(world.cards) ?? null;
      world.bench.spare = world.chance.pick(world.cards) ?? null;
      world.note(`card ${card?.seen.uid ?? ""} is put on the encoder`);
      world.bench.put(card);
    },
  },
  "the card is taken": {
    weight: 5,
    run(world) {
      world.note("the card is taken");
      world.bench.put(null);
    },
  },
  "something will go wrong at the encoder": {
    weight: 7,
    run(world) {
      const what = world.chance.pick(FAULTS) ?? "tear";
      world.bench.fault = { what, countdown: world.chance.below(12) };
      world.note(`${what} after ${world.bench.fault.countdown} touches`);
    },
  },
  "the encoder is unplugged or plugged": {
    weight: 4,
    run(world) {
      const isPlugged = !world.bench.isPlugged || world.chance.isOneIn(3);
      world.note(isPlugged ? "the encoder is plugged in" : "the encoder is unplugged");
      world.bench.plug(isPlugged);
    },
  },
  "the daemon will die": {
    weight: 3,
    run(world) {
      world.crashAt = {
        countdown: 1 + world.chance.below(10),
        when: world.chance.isOneIn(2) ? "before" : "after",
      };
      world.note(`the daemon will die ${world.crashAt.when} commit ${world.crashAt.countdown}`);
    },
  },
  "the daemon dies": { weight: 1, run: (world) => world.crash() },
  "the weather changes": {
    weight: 5,
    run(world) {
      const { weather, chance } = world;
      Object.assign(weather, FINE);
      if (chance.isOneIn(3)) {
        world.note("the network is fine");
        return;
      }
      const upTo = (most: number): number => (chance.isOneIn(2) ? 0 : chance.next() * most);
      weather.lost = upTo(0.4);
      weather.repeated = upTo(0.5);
      weather.replyLost = upTo(0.4);
      weather.delayMaxMs = chance.isOneIn(2) ? 5 : 8_000;
      weather.damaged = chance.isOneIn(4) ? chance.next() * 0.2 : 0;
      weather.isDown = chance.isOneIn(4);
      world.note(`the network: ${JSON.stringify(weather)}`);
      if (weather.isDown) world.life?.carrier.breakDown();
    },
  },
  "the cloud turns everybody away": {
    weight: 1,
    run(world) {
      const { chance, weather } = world;
      weather.refusal = chance.isOneIn(3) ? "unauthorized" : "busy";
      world.note(`the cloud turns everybody away: ${weather.refusal}`);
      world.life?.carrier.breakDown();
      world.timeline.startTimer(1_000 + chance.below(60_000), () => (weather.refusal = null));
    },
  },
  "the machine is slow, or not": {
    weight: 2,
    run(world) {
      world.stepsLateByMs = world.stepsLateByMs > 0 ? 0 : 1 + world.chance.below(3_000);
      world.note(`what is stored is stepped ${world.stepsLateByMs} ms later`);
    },
  },
  "the disk is full": {
    weight: 1,
    run(world) {
      world.isDiskFull = true;
      const ms = world.chance.isOneIn(2) ? 300 : 20_000;
      world.note(`the disk is full for ${ms} ms`);
      world.timeline.startTimer(ms, () => {
        world.isDiskFull = false;
        world.note("the disk has room again");
      });
    },
  },
  "the line is cut": {
    weight: 2,
    run(world) {
      world.note("the line is cut");
      world.life?.carrier.breakDown();
    },
  },
  "the clock jumps": {
    weight: 2,
    run(world) {
      const { wall, chance } = world;
      wall.isTrusted = chance.isOneIn(2);
      // The system vouches for small corrections only; without it the battery is dead and any year is possible.
      const span = wall.isTrusted ? 2 * HOUR : 30 * YEAR;
      wall.aheadMs = chance.isOneIn(3) ? 0 : Math.floor((chance.next() * 2 - 1) * span);
      if (wall.isTrusted) world.vouchedAheadMs = Math.max(world.vouchedAheadMs, wall.aheadMs);
      world.note(`the clock is ${wall.aheadMs} ms ahead, ${wall.isTrusted ? "trusted" : "not trusted"}`);
    },
  },
  "time passes": {
    weight: 6,
    run: (world) => world.note("time passes"),
  },
};

const TOTAL = Object.values(ACTS).reduce((sum, { weight }) => sum + weight, 0);

export function pickAct(below: (count: number) => number): string {
  let left = below(TOTAL);
  for (const [name, { weight }] of Object.entries(ACTS)) {
    left -= weight;
    if (left < 0) return name;
  }
  return "time passes";
}
