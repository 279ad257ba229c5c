import { randomUUID } from "node:crypto";
import { missing } from "#src/api/fault";
import { type DeskModel, type JobProgress, SeamError } from "#src/api/model";
import { apiKeyDigest } from "#src/api/api-key";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { JsonObject } from "#src/lib/json";
import type { MemorySite } from "./memory-seam-model.js";

/** Desk work on a site in memory, for tests of the route layer. `say` plays the part of a running job. */
export interface MemoryDesk {
  readonly desk: DeskModel;
  /** Passes a step on to whoever follows the attempt, and keeps it for who comes later. */
  say(attemptId: string, step: JobProgress["step"]): void;
  /** Streams that follow now. */
  readonly followers: number;
}

export function memoryDesk(site: MemorySite): MemoryDesk {
  const steps = new Map<string, JobProgress[]>();
  const followers = new Map<string, Set<(progress: JobProgress) => void>>();
  const tokens = new Map<string, { name: string; role: "viewer" | "technician" | "admin"; digest: string }>();
  const revoked = new Set<string>();
  const keySets: JsonObject[] = [];
  const addKeySet = (): JsonObject => {
    const set = { version: keySets.length + 1 };
    keySets.push(set);
    return set;
  };
  const nobody = { name: "test", role: "admin", seesPins: false } as const;
  const credential = (id: string): JsonObject => ({
    acs_credential: site.model.credentials.get(id, nobody),
    state: revoked.has(id) ? "invalidating" : "waiting_to_be_issued",
  });

  const desk: DeskModel = {
    groups: site.model.accessGroups,
    status: () => ({ site: { name: site.inventory.siteName } }),
    sync: () => ({ credentials: { wanted: 0, stored: 0, proved: 0 } }),
    confirmClock: () => ({ quality: "estimated" }),
    resetClockFloor: () => ({ quality: "unknown" }),
    devices: () => [{ key: "desk", state: "ready" }],
    inclusion: {
      include: ({ device = "stick" }) => inclusionOf(device, "include"),
      exclude: ({ device = "stick" }) => inclusionOf(device, "exclude"),
      get: () => Promise.resolve(inclusionOf("stick", "include")),
      givePin: () => inclusionOf("stick", "include"),
      cancel: () => inclusionOf("stick", "include"),
    },
    ports: {
      found: () => Promise.resolve([]),
      probe: () => Promise.resolve({ found: [], tried: [] }),
    },
    encode: ({ encoderId, credentialId }, by) => site.model.encoders.encode({ encoderId, credentialId }, by),
    erase: ({ encoderId }, by) => site.model.encoders.scan({ encoderId }, by),
    identify: () => Promise.resolve(["main"]),
    retryCodes: () => 0,
    cancel(attemptId) {
      site.fail(attemptId, "cancelled at the desk, the card was not changed");
      return Promise.resolve({ state: "error", message: "cancelled at the desk, the card was not changed" });
    },
    follow(attemptId, listener) {
      site.model.attempts.get(attemptId);
      for (const step of steps.get(attemptId) ?? []) listener(step);
      const group = followers.get(attemptId) ?? new Set();
      followers.set(attemptId, group.add(listener));
      return () => group.delete(listener);
    },
    checkEntrances: () => [],
    revoke(id) {
      const shown = credential(id);
      revoked.add(id);
      return { ...shown, state: "invalidating" };
    },
    enrolBadge: ({ credentialId }) => credential(credentialId),
    settle({ credentialId, generation }) {
      const shown = credential(credentialId);
      if (generation > 1) throw new SeamError(400, "cannot_be_settled", "There is no such card.");
      return shown;
    },
    credential,
    keys: {
      list: () => keySets,
      create: addKeySet,
      rotate: addKeySet,
      import: ({ issuer, cardMaster }) => {
        if (issuer.reveal().length !== 4 || cardMaster.reveal().length !== 16) throw new Error("wrong sizes");
        return addKeySet();
      },
    },
    tokens: {
      create({ name, role }) {
        const id = randomUUID();
        const token = `seam_memory_${id}`;
        tokens.set(id, { name, role, digest: apiKeyDigest(token) });
        return { id, token };
      },
      list: () => [...tokens].map(([id, { name, role }]) => ({ id, name, role })),
      remove(id) {
        if (!tokens.delete(id)) throw missing("token", id);
      },
      check: (token) => [...tokens.values()].find(({ digest }) => digest === apiKeyDigest(token)),
    },
    simulation: {
      cardKinds: ["classic", "ntag215"],
      putCard(encoderId, card) {
        site.model.encoders.get(encoderId);
        site.putCard();
        return "uid" in card ? card.uid : "04a1b2c3";
      },
      takeCard: () => site.takeCard(),
      putForeignCard: () => "",
      putRestlessCard: () => "",
      setGarbled: () => undefined,
      setCodeAtLock: () => undefined,
      enterCode: () => undefined,
      lockByHand: () => undefined,
      befall: () => undefined,
      setConnected: () => Promise.resolve(),
    },
  };

  return {
    desk,
    say(attemptId, step) {
      const attempt = site.attempts.get(attemptId);
      const isLast = step === "done" && attempt !== undefined;
      const progress: JobProgress = {
        step,
        say: `now ${step}`,
        facts: {},
        action_attempt: isLast ? renderActionAttempt(attempt) : null,
      };
      steps.set(attemptId, [...(steps.get(attemptId) ?? []), progress]);
      for (const listener of [...(followers.get(attemptId) ?? [])]) listener(progress);
    },
    get followers() {
      return [...followers.values()].reduce((sum, group) => sum + group.size, 0);
    },
  };
}

function inclusionOf(device: string, act: "include" | "exclude"): JsonObject {
  return {
    inclusion_id: "0190a000-0000-7000-8000-000000000001",
    device,
    act,
    version: 1,
    step: "waiting_for_lock",
    say: "Now the lock.",
    dsk: null,
    included: null,
    excluded_unit: null,
    error: null,
  };
}
