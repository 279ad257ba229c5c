import { isoInstant } from "#src/domain/seam/instant";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import { acsCredentialSpec } from "#src/domain/spec";
import { ADVICE } from "#src/engine/device-problem";
import type { Engine } from "#src/engine/engine";
import type { Outcome, Progress } from "#src/engine/jobs";
import { renumberedEntrances } from "#src/engine/renumbered";
import type { DeviceStatus } from "#src/engine/devices-port";
import type { KeySet, ObjectRow } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { uuidV7 } from "#src/lib/uuid";
import { apiKeyDigest, mintApiKey } from "./api-key.js";
import { missing } from "./fault.js";
import { causeOf, startedJob } from "./gateway-attempts.js";
import { enrolTypedBadge } from "./gateway-badges.js";
import { identifyDevice } from "./gateway-identify.js";
import {
  type Caller,
  type DeskModel,
  type InclusionModel,
  type JobProgress,
  type PortsModel,
  SeamError,
  type SeamModel,
  type Simulation,
} from "./model.js";

export interface DeskOptions {
  readonly seam: SeamModel;
  readonly simulation: Simulation | undefined;
  /** null: no cloud is configured. */
  readonly cloud: () => object | null;
  readonly version: string;
  readonly health: () => readonly HealthPart[];
  readonly sync: () => JsonObject;
  readonly resetClockFloor: () => void;
  readonly confirmClock: () => void;
  readonly ports: PortsModel;
  readonly inclusion: InclusionModel;
}

/** What a person reads from a watch and types is this old when it comes. */
const CONFIRMED_WITHIN_MS = 120_000;

interface HealthPart {
  readonly part: string;
  readonly state: string;
  readonly code: string;
  readonly message: string;
  /** Epoch ms. */
  readonly since: number;
}

/** What only the gateway offers: the routes under `/lockbridge/…`. */
export function gatewayDesk(engine: Engine, options: DeskOptions): DeskModel {
  const { store, inventory, time, random, clock } = engine.deps;

  const credentialRow = (id: string): ObjectRow => {
    const row = store.objects.get("acs_credential", id);
    if (row === undefined) throw missing("acs_credential", id);
    return row;
  };
  const credentialFacts = (row: ObjectRow, by: Caller): JsonObject => ({
    acs_credential: row.gone ? null : options.seam.credentials.get(row.id, by),
    ...lifeOf(row),
  });
  const addKeySet = (
    issuer: Secret<Uint8Array>,
    cardMaster: Secret<Uint8Array>,
    by: Caller,
    what: string,
  ): JsonObject =>
    engine.transact(causeOf(by), (tx) => {
      if (issuer.reveal().every((byte) => byte === 0)) {
        throw new SeamError(
          400,
          "invalid_input",
          "the issuer id 00000000 is reserved: a blank card reads so",
          undefined,
          "issuer",
        );
      }
      const version = (store.keySets.list()[0]?.version ?? 0) + 1;
      const set: KeySet = { version, issuer, cardMaster, createdAt: time.read().now };
      store.keySets.add(set);
      tx.audit(what, `version ${version}`);
      return keySetFacts(set, true);
    });
  const randomKeySet = (by: Caller, what: string): JsonObject =>
    addKeySet(new Secret(random(4)), new Secret(random(16)), by, what);

  return {
    simulation: options.simulation,
    status() {
      const { now, quality } = time.read();
      const { since, keys } = engine.offlineWork.used();
      return {
        version: options.version,
        site: {
          name: inventory.siteName,
          time_zone: inventory.timeZone,
          workspace_id: inventory.workspaceId,
        },
        time: { now: isoInstant(now), quality },
        health: options.health().map((part) => ({ ...part, since: isoInstant(part.since) })),
        devices: engine.deps.devices.status().map(deviceFacts),
        encoders: inventory.encoders.map(({ id, key, name, unit }) => ({
          acs_encoder_id: id,
          key,
          name,
          is_online: engine.deps.devices.isOnline(unit),
          jobs: engine.jobs.waiting(id),
        })),
        cloud: cloudFacts(options.cloud()),
        offline: { since: since === null ? null : isoInstant(since), keys_written: keys },
        journal: { jid: store.journal.jid, last_seq: store.journal.lastSeq() },
        key_versions: store.keySets.list().map(({ version }) => version),
        credentials: store.objects.count("acs_credential"),
      };
    },
    sync: options.sync,
    groups: options.seam.accessGroups,
    ports: options.ports,
    inclusion: options.inclusion,
    resetClockFloor(by) {
      const { certain } = time.read();
      // Nothing is certain where there is no floor.
      const before = certain === 0 ? null : isoInstant(certain);
      options.resetClockFloor();
      const { now, quality } = time.read();
      engine.transact(causeOf(by), (tx) =>
        tx.audit(`reset the floor of the clock, which was ${before ?? "unknown"}`, null),
      );
      return { floor_before: before, now: isoInstant(now), quality };
    },
    confirmClock(said, by) {
      const wall = clock.now();
      if (Math.abs(said - wall) > CONFIRMED_WITHIN_MS) {
        throw new SeamError(
          400,
          "clock_differs",
          `The clock of this gateway says ${isoInstant(wall)}, and you say ${isoInstant(said)}. Set the clock of the machine first.`,
          undefined,
          "now",
        );
      }
      options.confirmClock();
      const { now, quality } = time.read();
      engine.transact(causeOf(by), (tx) => tx.audit(`confirmed that it is ${isoInstant(now)}`, null));
      return { now: isoInstant(now), quality };
    },
    devices: () => engine.deps.devices.status().map(deviceFacts),
    identify: (device) => identifyDevice(engine.deps, device),
    encode: (input, by) =>
      renderActionAttempt(startedJob(engine, { kind: "encode", ...input, cause: causeOf(by) })),
    erase: ({ encoderId }, by) =>
      renderActionAttempt(
        startedJob(engine, {
          kind: "erase",
          encoderId,
          credentialId: null,
          overwrite: false,
          cause: causeOf(by),
        }),
      ),
    retryCodes(deviceId, by) {
      const retried = engine.keypads.retry(deviceId);
      if (retried === undefined) throw missing("device", deviceId);
      engine.transact(causeOf(by), (tx) => tx.audit("tried the codes of a lock again", deviceId));
      return retried;
    },
    async cancel(attemptId, by) {
      const outcome = await engine.cancel(attemptId);
      if (outcome === null) throw missing("action_attempt", attemptId);
      engine.transact(causeOf(by), (tx) => tx.audit("cancelled a job", attemptId));
      return {
        state: outcome.status,
        message:
          outcome.error?.message ?? "the job had ended before it could be cancelled: the card is written",
      };
    },
    follow: (attemptId, listener) => follow(engine, options.seam, attemptId, listener),
    revoke(credentialId, by) {
      const row = credentialRow(credentialId);
      const spec = acsCredentialSpec.parse(row.spec);
      const changed = engine.localChange(
        {
          kind: "acs_credential",
          id: row.id,
          spec: { ...row.spec, state: spec.state === "deleted" ? "deleted" : "revoked" },
          code: row.code,
        },
        causeOf(by),
        "revoked acs_credential",
      );
      return credentialFacts(changed, by);
    },
    checkEntrances: (entrances) =>
      renumberedEntrances(store, entrances).map(({ entranceId, key, message }) => ({
        acs_entrance_id: entranceId,
        key,
        message,
      })),
    enrolBadge: (typed, by) => credentialFacts(enrolTypedBadge(engine, typed, by), by),
    settle({ credentialId, generation }, by) {
      credentialRow(credentialId);
      const step = engine.declareDestroyed(credentialId, generation, causeOf(by));
      if (step === null || step.refused) {
        const state = step?.state ?? "unknown";
        throw new SeamError(
          400,
          "cannot_be_settled",
          `Nothing to settle for generation ${generation} in state ${state}.`,
        );
      }
      return credentialFacts(step.row, by);
    },
    credential: (credentialId, by) => credentialFacts(credentialRow(credentialId), by),
    keys: {
      list: () => store.keySets.list().map((set, index) => keySetFacts(set, index === 0)),
      create(by) {
        if (store.keySets.list().length > 0) {
          throw new SeamError(
            409,
            "keys_exist",
            "There are card keys already: use rotate to write with new ones.",
          );
        }
        return randomKeySet(by, "created card keys");
      },
      rotate(by) {
        if (store.keySets.list().length === 0) {
          throw new SeamError(409, "no_keys", "There are no card keys yet: use create.");
        }
        return randomKeySet(by, "rotated card keys");
      },
      import: ({ issuer, cardMaster }, by) => addKeySet(issuer, cardMaster, by, "imported card keys"),
    },
    tokens: tokens(engine),
  };
}

/** API keys: shown once, kept as a hash. */
function tokens(engine: Engine): DeskModel["tokens"] {
  const { store, time, random } = engine.deps;
  return {
    create({ name, role }, by) {
      const now = time.read().now;
      const id = uuidV7(now, random(10));
      const token = mintApiKey(random);
      engine.transact(causeOf(by), (tx) => {
        store.tokens.add({ id, name, role, sha256: apiKeyDigest(token), createdAt: now });
        tx.audit(`created a ${role} token`, name);
      });
      return { id, token };
    },
    list: () =>
      store.tokens
        .list()
        .map(({ id, name, role, createdAt }) => ({ id, name, role, created_at: isoInstant(createdAt) })),
    remove(id, by) {
      engine.transact(causeOf(by), (tx) => {
        // Whoever mistakes the token for its id should not see it repeated.
        if (!store.tokens.remove(id))
          throw new SeamError(
            404,
            "token_not_found",
            "There is no token of this id; tokens/list shows the ids.",
          );
        tx.audit("deleted a token", id);
      });
    },
    check: (token) => store.tokens.bySha256(apiKeyDigest(token)),
  };
}

function follow(
  engine: Engine,
  seam: SeamModel,
  attemptId: string,
  listener: (progress: JobProgress) => void,
): () => void {
  const attempt = seam.attempts.get(attemptId);
  const job = engine.jobs.get(attemptId);
  const end = (): void =>
    listener({ step: "done", say: "Done.", facts: {}, action_attempt: seam.attempts.get(attemptId) });
  const pass = (progress: Progress | Outcome): void => {
    if ("status" in progress) end();
    else if (progress.step !== "done") listener({ ...progress, action_attempt: null });
  };
  for (const progress of job?.progress ?? []) pass(progress);
  if (job === undefined || job.outcome !== null || attempt["status"] !== "pending") {
    end();
    return () => undefined;
  }
  job.listeners.add(pass);
  return () => job.listeners.delete(pass);
}

/** What Seam does not show of a credential's life. */
function lifeOf({ record, blocked, provisional }: ObjectRow): JsonObject {
  const context = record?.context;
  return {
    state: record?.state ?? null,
    generation: context?.generation ?? 0,
    denied: context?.denied ?? null,
    blocked,
    is_provisional: provisional !== null,
    doubt: context?.doubt == null ? null : { generation: context.doubt.generation, uid: context.doubt.uid },
    live_cards: (context?.cards ?? []).map(({ generation, uid, certainty, validUntil }) => ({
      generation,
      uid,
      certainty,
      valid_until: validUntil === null ? null : isoInstant(validUntil),
    })),
  };
}

function keySetFacts({ version, createdAt }: KeySet, isCurrent: boolean): JsonObject {
  return { version, created_at: isoInstant(createdAt), is_current: isCurrent };
}

function deviceFacts(status: DeviceStatus): JsonObject {
  const { key, driver, port, state, since, identity, units, troubles, problem, nextTryMs } = status;
  return {
    key,
    driver,
    port,
    state,
    since: isoInstant(since),
    identity:
      identity === null
        ? null
        : { model: identity.model, firmware: identity.firmware, serial: identity.serial ?? null },
    units: units.map((unit) => ({ key: unit.key, capabilities: unit.capabilities })),
    troubles: troubles.map(({ unit, code, message }) => ({ unit, code, message })),
    problem:
      problem === null
        ? null
        : { code: problem.code, message: problem.message, advice: ADVICE[problem.code] },
    next_try_ms: nextTryMs === null ? null : Math.round(nextTryMs),
  };
}

function cloudFacts(status: object | null): JsonObject | null {
  return status === null ? null : (JSON.parse(JSON.stringify(status)) as JsonObject);
}
