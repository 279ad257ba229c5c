import { randomUUID } from "node:crypto";
import { missing } from "#src/api/fault";
import type { SeamModel } from "#src/api/model";
import { accessCodesSection } from "#src/api/sections/access-codes";
import { accessGroupsSection } from "#src/api/sections/access-groups";
import { credentialsSection } from "#src/api/sections/credentials";
import { devicesSection, locksSection } from "#src/api/sections/devices";
import { entrancesSection } from "#src/api/sections/entrances";
import { foundIn, pageOfAll } from "#src/api/sections/pages";
import { encodersSection, systemsSection, workspaceSection } from "#src/api/sections/site";
import { credentialSpecOf, objectOf } from "#src/api/sections/site-objects";
import { usersSection } from "#src/api/sections/users";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import { type AttemptFacts, renderActionAttempt } from "#src/domain/seam/action-attempt";
import { renderCredential } from "#src/domain/seam/credential";
import { seamEvent, type SeamEvent, type SeamEventType } from "#src/domain/seam/event";
import { renderScan } from "#src/domain/seam/scan";
import type { AcsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { memoryLocks } from "./memory-locks.js";
import { memoryObjects } from "./memory-objects.js";

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

/** The last write of a card: epoch ms, and the end date on it. */
interface Written {
  readonly at: number;
  readonly endsAt: string | null;
  readonly times: number;
}

interface Job {
  readonly attempt: AttemptFacts;
  /** null: a scan. */
  readonly credentialId: string | null;
  readonly createdAt: number;
}

export function memorySite(now: () => number, inventory: Inventory = smallSite()): MemorySite {
  const objects = memoryObjects(now, inventory);
  const written = new Map<string, Written>();
  const jobs = new Map<string, Job>();
  const events: SeamEvent[] = [];
  /** The credential on the card on the antenna: null when blank, undefined when there is no card. */
  let card: string | null | undefined;
  let lastCard: string | null = null;

  const specOf = (id: string) => credentialSpecOf(objectOf(objects, "acs_credential", id));
  const tell = (type: SeamEventType, id: string, systemId: string): void => {
    const { workspaceId, connectedAccountId } = inventory;
    const head = { eventId: randomUUID(), workspaceId, connectedAccountId };
    const ids = { acs_credential_id: id, acs_system_id: systemId };
    events.push(seamEvent(type, ids, { ...head, occurredAt: now(), createdAt: now() }));
  };
  objects.onChange = ({ kind, id }, before) => {
    if (kind !== "acs_credential") return;
    const object = objects.get(kind, id);
    if (object !== undefined) objects.observe(id, observedOf(credentialSpecOf(object), written.get(id)));
    else if (before !== undefined) tell("acs_credential.deleted", id, credentialSpecOf(before).acs_system_id);
  };
  const show = (spec: AcsCredentialSpec): JsonObject => {
    const observed = observedOf(spec, written.get(spec.acs_credential_id));
    return renderCredential({ spec, code: null, observed, inventory });
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
    const spec = specOf(id);
    const times = (written.get(id)?.times ?? 0) + 1;
    written.set(id, { at: now(), endsAt: spec.ends_at, times });
    objects.observe(id, observedOf(spec, written.get(id)));
    card = id;
    tell(times === 1 ? "acs_credential.issued" : "acs_credential.reissued", id, spec.acs_system_id);
    return show(spec);
  };
  const scan = (): JsonObject => {
    const object = card == null ? undefined : objects.get("acs_credential", card);
    if (object === undefined) return renderScan({ card: null, seam: null });
    const spec = credentialSpecOf(object);
    const onCard = written.get(object.id)?.endsAt ?? null;
    const startsAt = spec.starts_at === null ? null : Date.parse(spec.starts_at);
    const endsOnCard = onCard === null ? null : Date.parse(onCard);
    return renderScan({
      card: { cardNumber: cardNumberOf(spec), validity: { startsAt, endsAt: endsOnCard }, isIssued: true },
      seam: {
        credential: show(spec),
        startsAt,
        endsAt: spec.ends_at === null ? null : Date.parse(spec.ends_at),
        isNewest: true,
        isRevoked: false,
        isSynced: object.observed?.isSynced ?? false,
      },
    });
  };
  const attemptOf = (id: string): Job => {
    const job = jobs.get(id);
    if (job === undefined) throw missing("action_attempt", id);
    return job;
  };

  const locks = memoryLocks(objects, (actionType) => {
    const attempt = { id: randomUUID(), actionType, status: "success", result: {}, error: null } as const;
    jobs.set(attempt.id, { attempt, credentialId: null, createdAt: now() });
    return renderActionAttempt(attempt);
  });
  const doors = locksSection(objects, locks);
  const model: SeamModel = {
    workspace: workspaceSection(objects),
    systems: systemsSection(objects),
    entrances: entrancesSection(objects, doors),
    encoders: {
      ...encodersSection(objects, () => []),
      encode({ encoderId, credentialId }) {
        specOf(credentialId);
        return start(encoderId, "ENCODE_CREDENTIAL", credentialId);
      },
      scan: ({ encoderId }) => start(encoderId, "SCAN_CREDENTIAL", null),
      scanToAssign({ encoderId, userId }) {
        objectOf(objects, "acs_user", userId);
        return start(encoderId, "SCAN_TO_ASSIGN_CREDENTIAL", null);
      },
    },
    users: usersSection(objects),
    accessGroups: accessGroupsSection(objects),
    credentials: credentialsSection(objects, locks),
    accessCodes: accessCodesSection(objects, locks),
    devices: devicesSection(objects, locks),
    locks: doors,
    attempts: {
      get: (id) => renderActionAttempt(attemptOf(id).attempt),
      list: ({ ids, ...paging }) =>
        pageOfAll(
          [...jobs.values()]
            .map((job) => ({ id: job.attempt.id, createdAt: job.createdAt, job }))
            .filter(({ id }) => ids === undefined || ids.includes(id)),
          paging,
          ({ job }) => renderActionAttempt(job.attempt),
        ),
    },
    events: {
      get(id) {
        const event = events.find((candidate) => candidate.event_id === id);
        if (event === undefined) throw missing("event", id);
        return event;
      },
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
      const job = attemptOf(attemptId);
      const error = { type: "uncategorized_error", message };
      jobs.set(attemptId, { ...job, attempt: { ...job.attempt, status: "error", error } });
    },
  };
}

function observedOf(spec: AcsCredentialSpec, written: Written | undefined): Observed {
  const isSynced = written !== undefined && written.endsAt === spec.ends_at;
  const warning = written === undefined ? "waiting_to_be_issued" : isSynced ? null : "needs_to_be_reissued";
  return {
    rev: 0,
    generation: written?.times ?? 0,
    state: warning ?? "issued",
    isIssued: spec.access_method === "card" ? written !== undefined : null,
    issuedAt: written?.at ?? null,
    cardNumber: written === undefined ? null : cardNumberOf(spec),
    isSynced,
    syncedAt: isSynced ? written.at : null,
    warnings:
      warning === null ? [] : [{ code: warning, message: warning, createdAt: Date.parse(spec.created_at) }],
    errors: [],
    liveCards: written === undefined ? 0 : 1,
    cardsValidUntil: null,
  };
}

function cardNumberOf(spec: AcsCredentialSpec): string {
  return spec.acs_credential_id.replaceAll("-", "").slice(0, 16);
}

/** One system with two rooms, a pool, a gate with a keypad and one encoder; two locks, one with a pool of backup codes. */
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
    locks: [
      { id: randomUUID(), key: "gate", name: "Gate", unit: "bus/gate", backupCodes: 0 },
      { id: randomUUID(), key: "suite", name: "Suite", unit: "bus/suite", backupCodes: 2 },
    ],
  };
}
