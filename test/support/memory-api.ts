import { randomBytes, randomUUID } from "node:crypto";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { absentPart } from "#src/api/model/absent-part";
import type { Caller } from "#src/api/model";
import type { Rate } from "#src/api/rate-limit";
import { createApi } from "#src/api/server";
import { storedWebhooks } from "#src/api/stored-webhooks";
import { cloudWebhooksTable, openCloudDatabase } from "#src/sandbox/cloud/database";
import type { JsonObject } from "#src/lib/json";
import { memoryDesk, type MemoryDesk } from "./memory-desk-model.js";
import { memorySite, type MemorySite } from "./memory-seam-model.js";
import { VirtualClock } from "./virtual-clock.js";

/** One key for each role. */
export const KEYS = {
  viewer: "seam_test_viewer",
  technician: "seam_test_technician",
  admin: "seam_test_admin",
} as const satisfies Record<Caller["role"], string>;

export interface MemoryApi {
  readonly app: FastifyInstance;
  readonly site: MemorySite;
  readonly work: MemoryDesk;
  readonly clock: VirtualClock;
  /** Entries that were written down, the oldest first. */
  readonly audit: readonly JsonObject[];
  /** What was logged as an error. */
  readonly failures: { readonly fields: object; readonly message: string }[];
  /** POSTs JSON as an administrator, or as the given role. */
  readonly post: (path: string, body?: object, role?: Caller["role"]) => Promise<LightMyRequestResponse>;
}

/** The route layer over a site in memory. `isGateway: false` leaves the desk's routes out, as the cloud does. */
export function memoryApi(
  options: {
    readonly isGateway?: boolean;
    readonly isLocal?: boolean;
    readonly isReady?: () => boolean;
    readonly rate?: Rate;
    readonly allowedOrigins?: readonly string[] | undefined;
  } = {},
): MemoryApi {
  const clock = new VirtualClock();
  const site = memorySite(() => clock.now());
  const work = memoryDesk(site);
  const audit: JsonObject[] = [];
  const failures: { fields: object; message: string }[] = [];
  const roles = new Map<string, Caller["role"]>(
    Object.entries(KEYS).map(([role, key]) => [key, role as Caller["role"]]),
  );
  const app = createApi({
    // The hardware that `simulate` routes act on is no part of a site in memory: its routes are served and refuse.
    model: { ...site.model, simulation: site.model.simulation ?? absentPart("Simulated hardware is") },
    desk: options.isGateway === false ? undefined : work.desk,
    webhooks: storedWebhooks({
      table: cloudWebhooksTable(openCloudDatabase(undefined)),
      rules: { mayBeLoopback: true },
      random: (size) => new Uint8Array(randomBytes(size)),
      now: () => clock.now(),
      newId: () => randomUUID(),
      change: (_by, _what, _target, work) => work(),
      removed: () => undefined,
      outcomeOf: () => ({ deliveredAt: null, failingSince: null, problem: null }),
    }),
    events: {
      head: () => 0,
      placeOf: () => undefined,
      after: () => [],
      onNew: () => () => undefined,
    },
    audit: {
      lastSeq: () => audit.length,
      hasEntryOf: ({ name }, seq) => audit.slice(seq).some((entry) => entry["who"] === name),
      append: ({ name, from = null }, what, target) => void audit.push({ who: name, from, what, target }),
      list: () => [],
    },
    metrics: () => Promise.resolve("# nothing\n"),
    rate: options.rate,
    allowedOrigins: options.allowedOrigins,
    auth: options.isLocal
      ? "local socket"
      : (key) => {
          const role = roles.get(key);
          return role && { name: `the ${role}`, role };
        },
    clock,
    random: (size) => new Uint8Array(randomBytes(size)),
    log: { error: (fields, message) => failures.push({ fields, message }) },
    isReady: options.isReady ?? (() => true),
  });
  return {
    app,
    site,
    work,
    clock,
    audit,
    failures,
    post: (path, body = {}, role = "admin") =>
      app.inject({
        method: "POST",
        url: path,
        headers: { authorization: `Bearer ${KEYS[role]}`, "content-type": "application/json" },
        payload: JSON.stringify(body),
      }),
  };
}
