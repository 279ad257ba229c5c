import { randomUUID } from "node:crypto";
import { type CredentialQuery, notSupported, type Page, type Paging, type SeamModel } from "#src/api/model";
import { absentPart } from "#src/api/model/absent-part";
import { missing, valueOf } from "#src/api/fault";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import { type AttemptFacts, renderActionAttempt } from "#src/domain/seam/action-attempt";
import { renderCredential } from "#src/domain/seam/credential";
import { seamEvent, type SeamEvent, type SeamEventType } from "#src/domain/seam/event";
import { isoInstant } from "#src/domain/seam/instant";
import {
  checkCredentialAssign,
  checkCredentialCreate,
  checkCredentialUnassign,
  checkCredentialUpdate,
} from "#src/domain/seam/rules";
import { renderScan } from "#src/domain/seam/scan";
import { renderEncoder, renderEntrance, renderSystem, renderWorkspace } from "#src/domain/seam/site";
import { renderUser } from "#src/domain/seam/user";
import type { AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/**
 * A site in memory behind the API's interface. It stands in for the two real models (the engine, the stand-in cloud)
 * where only the route layer is under test: envelope, methods, input, roles, paging. The real models run the SDK suite
 * of their own. A job here ends as soon as a card lies on the encoder.
 */
export interface MemorySite {
  readonly model: SeamModel;
  readonly inventory: Inventory;
  readonly encoderId: string;
  readonly systemId: string;
  readonly entranceId: string;
  /** Attempts by id, for a desk that follows them. */
  readonly attempts: ReadonlyMap<string, AttemptFacts>;
  putCard(): void;
  takeCard(): void;
  /** Ends a pending attempt. */
  fail(attemptId: string, message: string): void;
}

interface Credential {
  readonly spec: AcsCredentialSpec;
  readonly code: Secret<string> | null;
  /** Epoch ms of the last write, and the end date on the card then. */
  readonly written: { readonly at: number; readonly endsAt: string | null; readonly times: number } | null;
}

interface Job {
  readonly attempt: AttemptFacts;
  /** null: a scan. */
  readonly credentialId: string | null;
  readonly createdAt: number;
}

export function memorySite(now: () => number, inventory: Inventory = smallSite()): MemorySite {
  const users = new Map<string, AcsUserSpec>();
  const credentials = new Map<string, Credential>();
  const jobs = new Map<string, Job>();
  const events: SeamEvent[] = [];
  const createdAt = now();
  /** The credential on the card on the antenna: null when blank, undefined when there is no card. */
  let card: string | null | undefined;
  let lastCard: string | null = null;

  const credentialOf = (id: string) => found(credentials.get(id), "acs_credential", id);
  const userOf = (id: string) => found(users.get(id), "acs_user", id);
  const show = (credential: Credential, seesPins: boolean) =>
    renderCredential({
      spec: credential.spec,
      code: seesPins ? credential.code : null,
      observed: observedOf(credential),
      inventory,
    });
  const tell = (type: SeamEventType, { spec }: Credential): void => {
    const ids = { acs_credential_id: spec.acs_credential_id, acs_system_id: spec.acs_system_id };
    const { workspaceId, connectedAccountId } = inventory;
    const head = { eventId: randomUUID(), workspaceId, connectedAccountId };
    events.push(seamEvent(type, ids, { ...head, occurredAt: now(), createdAt: now() }));
  };
  const change = (id: string, spec: AcsCredentialSpec, code?: Secret<string>): Credential => {
    const before = credentialOf(id);
    const next = { ...before, spec, code: code ?? before.code };
    credentials.set(id, next);
    return next;
  };
  const start = (encoderId: string, actionType: string, credentialId: string | null): JsonObject => {
    foundIn(inventory.encoders, "acs_encoder", encoderId);
    const attempt = { id: randomUUID(), actionType, status: "pending", result: null, error: null } as const;
    jobs.set(attempt.id, { attempt, credentialId, createdAt: now() });
    setImmediate(carryOut);
    return renderActionAttempt(attempt);
  };
  const carryOut = (): void => {
    if (card === undefined) return;
    for (const [id, job] of jobs) {
      if (job.attempt.status !== "pending") continue;
      const result = job.credentialId === null ? scan() : encode(job.credentialId);
      jobs.set(id, { ...job, attempt: { ...job.attempt, status: "success", result } });
    }
  };
  const encode = (id: string): JsonObject => {
    const before = credentialOf(id);
    const times = (before.written?.times ?? 0) + 1;
    const next = { ...before, written: { at: now(), endsAt: before.spec.ends_at, times } };
    credentials.set(id, next);
    card = id;
    tell(times === 1 ? "acs_credential.issued" : "acs_credential.reissued", next);
    return show(next, false);
  };
  const scan = (): JsonObject => {
    const credential = card == null ? undefined : credentials.get(card);
    if (credential === undefined) return renderScan({ card: null, seam: null });
    const { spec, written } = credential;
    const startsAt = spec.starts_at === null ? null : Date.parse(spec.starts_at);
    const endsOnCard = written?.endsAt == null ? null : Date.parse(written.endsAt);
    return renderScan({
      card: { cardNumber: cardNumberOf(spec), startsAt, endsAt: endsOnCard, isIssued: true },
      seam: {
        credential: show(credential, false),
        startsAt,
        endsAt: spec.ends_at === null ? null : Date.parse(spec.ends_at),
        isNewest: true,
        isSynced: observedOf(credential).isSynced,
      },
    });
  };
  const drop = (id: string): void => {
    const credential = credentialOf(id);
    credentials.delete(id);
    tell("acs_credential.deleted", credential);
  };

  const model: SeamModel = {
    workspace: { get: () => renderWorkspace(inventory, { isSandbox: true }) },
    systems: {
      get: (id) => renderSystem(foundIn(inventory.systems, "acs_system", id), inventory, { createdAt }),
      list: ({ search }) =>
        inventory.systems
          .filter(({ name }) => contains(name, search))
          .map((system) => renderSystem(system, inventory, { createdAt })),
    },
    entrances: {
      credentialsWithAccess: absent,
      grantAccess: absent,
      unlock: absent,
      get: (id) => renderEntrance(foundIn(inventory.entrances, "acs_entrance", id), inventory, { createdAt }),
      list: (query) =>
        pageOf(
          inventory.entrances
            .filter(({ systemId }) => query.systemId === undefined || systemId === query.systemId)
            .filter(({ name }) => contains(name, query.search))
            .map((item) => ({ id: item.id, createdAt, item })),
          query,
          ({ item }) => renderEntrance(item, inventory, { createdAt }),
        ),
    },
    encoders: {
      scanToAssign: absent,
      get: (id) => renderEncoder(foundIn(inventory.encoders, "acs_encoder", id), inventory, { createdAt }),
      list: (query) =>
        pageOf(
          inventory.encoders
            .filter(({ systemId }) => query.systemIds === undefined || query.systemIds.includes(systemId))
            .map((item) => ({ id: item.id, createdAt, item })),
          query,
          ({ item }) => renderEncoder(item, inventory, { createdAt }),
        ),
      encode({ encoderId, credentialId }) {
        credentialOf(credentialId);
        return start(encoderId, "ENCODE_CREDENTIAL", credentialId);
      },
      scan: ({ encoderId }) => start(encoderId, "SCAN_CREDENTIAL", null),
    },
    accessGroups: absentPart("Access groups are"),
    accessCodes: absentPart("Access codes are"),
    devices: absentPart("Devices are"),
    locks: absentPart("Locks are"),
    users: {
      suspend: absent,
      unsuspend: absent,
      revokeAccess: absent,
      accessibleEntrances: absent,
      create(input) {
        foundIn(inventory.systems, "acs_system", input.systemId);
        const user: AcsUserSpec = {
          acs_user_id: randomUUID(),
          acs_system_id: input.systemId,
          full_name: input.fullName,
          email_address: input.emailAddress ?? null,
          phone_number: input.phoneNumber ?? null,
          access_schedule: input.accessSchedule === undefined ? null : scheduleOf(input.accessSchedule),
          state: "active",
          created_at: isoInstant(now()),
        };
        users.set(user.acs_user_id, user);
        return renderUser(user, inventory);
      },
      get: (id) => renderUser(userOf(id), inventory),
      list: (query) =>
        pageOf(
          [...users.values()]
            .filter(({ full_name: name }) => contains(name, query.search))
            .map((user) => ({ id: user.acs_user_id, createdAt: Date.parse(user.created_at), user })),
          query,
          ({ user }) => renderUser(user, inventory),
        ),
      update(id, input) {
        users.set(id, { ...userOf(id), ...(input.fullName && { full_name: input.fullName }) });
      },
      delete(id) {
        userOf(id);
        users.delete(id);
        for (const [held, { spec }] of credentials) if (spec.acs_user_id === id) drop(held);
      },
    },
    credentials: {
      accessibleEntrances: absent,
      create(wish, by) {
        const user = wish.userId === undefined ? undefined : users.get(wish.userId);
        const spec = valueOf(checkCredentialCreate(wish, { id: randomUUID(), now: now(), inventory, user }));
        const credential = { spec, code: wish.code ?? null, written: null };
        credentials.set(spec.acs_credential_id, credential);
        return show(credential, by.seesPins);
      },
      get: (id, by) => show(credentialOf(id), by.seesPins),
      list: (query, by) =>
        pageOf(
          [...credentials.values()]
            .filter((credential) => fits(credential, query))
            .map((credential) => ({
              id: credential.spec.acs_credential_id,
              createdAt: Date.parse(credential.spec.created_at),
              credential,
            })),
          query,
          ({ credential }) => show(credential, by.seesPins),
        ),
      update(id, input, by) {
        const spec = valueOf(checkCredentialUpdate(input, { spec: credentialOf(id).spec, now: now() }));
        return show(change(id, spec, input.code), by.seesPins);
      },
      assign: (id, userId, by) =>
        show(change(id, valueOf(checkCredentialAssign(credentialOf(id).spec, userOf(userId)))), by.seesPins),
      unassign: (id, userId, by) =>
        show(change(id, valueOf(checkCredentialUnassign(credentialOf(id).spec, userId))), by.seesPins),
      delete: drop,
    },
    attempts: {
      get: (id) => renderActionAttempt(found(jobs.get(id), "action_attempt", id).attempt),
      list: (query) =>
        pageOf(
          [...jobs.values()]
            .filter(({ attempt }) => query.ids === undefined || query.ids.includes(attempt.id))
            .map((job) => ({ id: job.attempt.id, createdAt: job.createdAt, job })),
          query,
          ({ job }) => renderActionAttempt(job.attempt),
        ),
    },
    events: {
      get: (id) =>
        found(
          events.find((event) => event.event_id === id),
          "event",
          id,
        ),
      list: ({ since = -Infinity, before = Infinity, ids, types, where, limit }) =>
        events
          .filter(({ occurred_at: at }) => Date.parse(at) > since && Date.parse(at) < before)
          .filter(({ event_id: id }) => ids === undefined || ids.includes(id))
          .filter(({ event_type: type }) => types === undefined || types.includes(type))
          .filter((event) =>
            Object.entries(where).every(([name, wanted]) => wanted.some((one) => one === event[name])),
          )
          .slice(0, limit),
    },
  };

  return {
    model,
    inventory,
    encoderId: inventory.encoders[0]!.id,
    systemId: inventory.systems[0]!.id,
    entranceId: inventory.entrances[0]!.id,
    get attempts() {
      return new Map([...jobs].map(([id, { attempt }]) => [id, attempt]));
    },
    putCard() {
      card = lastCard;
      carryOut();
    },
    takeCard() {
      lastCard = card ?? null;
      card = undefined;
    },
    fail(attemptId, message) {
      const job = found(jobs.get(attemptId), "action_attempt", attemptId);
      const error = { type: "uncategorized_error", message };
      jobs.set(attemptId, { ...job, attempt: { ...job.attempt, status: "error", error } });
    },
  };
}

function observedOf({ spec, written }: Credential): Observed {
  const isSynced = written !== null && written.endsAt === spec.ends_at;
  const warning = written === null ? "waiting_to_be_issued" : isSynced ? null : "needs_to_be_reissued";
  return {
    rev: 0,
    generation: written?.times ?? 0,
    state: warning ?? "issued",
    isIssued: spec.access_method === "card" ? written !== null : null,
    issuedAt: written?.at ?? null,
    cardNumber: written === null ? null : cardNumberOf(spec),
    isSynced,
    syncedAt: isSynced ? written.at : null,
    warnings:
      warning === null ? [] : [{ code: warning, message: warning, createdAt: Date.parse(spec.created_at) }],
    errors: [],
    liveCards: written === null ? 0 : 1,
    cardsValidUntil: null,
  };
}

function cardNumberOf(spec: AcsCredentialSpec): string {
  return spec.acs_credential_id.replaceAll("-", "").slice(0, 16);
}

function fits({ spec }: Credential, query: CredentialQuery): boolean {
  return (
    (query.userId === undefined || spec.acs_user_id === query.userId) &&
    (query.systemId === undefined || spec.acs_system_id === query.systemId) &&
    (query.createdBefore === undefined || Date.parse(spec.created_at) < query.createdBefore) &&
    contains(spec.acs_credential_id, query.search)
  );
}

function scheduleOf({ startsAt, endsAt }: { readonly startsAt: number; readonly endsAt: number | null }) {
  return { starts_at: isoInstant(startsAt), ends_at: endsAt === null ? null : isoInstant(endsAt) };
}

function pageOf<T extends { readonly id: string; readonly createdAt: number }>(
  rows: readonly T[],
  { limit, after }: Paging,
  render: (row: T) => JsonObject,
): Page {
  const rest = [...rows]
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .filter(
      ({ id, createdAt }) =>
        after === undefined ||
        createdAt > after.createdAt ||
        (createdAt === after.createdAt && id > after.id),
    );
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  const next = rest.length > limit && last ? { createdAt: last.createdAt, id: last.id } : null;
  return { items: shown.map(render), next };
}

function contains(text: string, search = ""): boolean {
  return text.toLowerCase().includes(search.toLowerCase());
}

function found<T>(item: T | undefined, resource: string, id: string): T {
  if (item === undefined) throw missing(resource, id);
  return item;
}

function foundIn<T extends { readonly id: string }>(items: readonly T[], resource: string, id: string): T {
  return found(
    items.find((item) => item.id === id),
    resource,
    id,
  );
}

/** One system with two rooms, a pool, a gate with a keypad, and one encoder. */
export function smallSite(): Inventory {
  const systemId = randomUUID();
  const entrance = { systemId, door: null, zone: null, keypad: null };
  return {
    workspaceId: randomUUID(),
    connectedAccountId: randomUUID(),
    siteName: "Harbour Hotel",
    timeZone: "Europe/Lisbon",
    systems: [
      { id: systemId, key: "main", name: "Harbour locks", externalType: null, cardProfiles: ["classic"] },
    ],
    entrances: [
      { ...entrance, id: randomUUID(), key: "room-101", name: "101", door: 101 },
      { ...entrance, id: randomUUID(), key: "room-102", name: "102", door: 102 },
      { ...entrance, id: randomUUID(), key: "pool", name: "Pool", zone: 3 },
      { ...entrance, id: randomUUID(), key: "gate", name: "Gate", keypad: "bus/gate" },
    ],
    encoders: [{ id: randomUUID(), key: "front-desk", name: "Front desk", systemId, unit: "desk/main" }],
    locks: [],
  };
}

function absent(): never {
  throw notSupported("This is");
}
