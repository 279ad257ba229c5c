import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { EncodeOutcome, ScanOutcome, SimulationOrder } from "#src/domain/simulation-order";
import { accessCodeSpec } from "#src/domain/spec";
import type { Engine } from "#src/engine/engine";
import { type Job, JobEnd } from "#src/engine/jobs";
import type { ActionAttempt } from "#src/engine/ports";
import type { Cause } from "#src/engine/transaction";
import { sleep } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { uuidV7 } from "#src/lib/uuid";
import { missing } from "./fault.js";
import { causeOf } from "./gateway-attempts.js";
import { type Caller, SeamError, type SeamModel, type SeamSimulation, type Simulation } from "./model.js";

/** A person who never comes is waited for only so long where the wait itself is rehearsed. */
const REHEARSED_WAIT_MS = 1_000;
const SEEN_WITHIN_MS = 10_000;
const LOOK_EVERY_MS = 50;

/**
 * Carries out what Seam's `simulate` routes order, on simulated hardware: cards come and go, PINs are entered, plugs
 * are pulled. What follows from it is the engine's own work.
 */
export class GatewaySimulation {
  readonly #engine: Engine;
  readonly #hardware: Simulation;
  /** What the next job of each kind meets, by encoder; what is meant for one credential waits for that one. */
  readonly #armed = new Map<string, (job: Job) => void>();

  constructor(engine: Engine, hardware: Simulation) {
    this.#engine = engine;
    this.#hardware = hardware;
    engine.jobs.onProgress((job, { step }) => {
      if (step !== "waiting_for_card") return;
      const kind = job.kind === "encode" ? "encode" : "scan";
      const keys = [armKey(kind, job.encoderId, job.credentialId), armKey(kind, job.encoderId, null)];
      const key = keys.find((known) => this.#armed.has(known));
      if (key === undefined) return;
      const act = this.#armed.get(key);
      this.#armed.delete(key);
      act?.(job);
    });
  }

  /** The result of the order's action attempt. Rejects with `SeamError` when it cannot be carried out. */
  async carryOut(order: SimulationOrder, code: Secret<string> | null): Promise<JsonObject> {
    switch (order.do) {
      case "next_encode":
        this.#encoder(order.encoderId);
        this.#armed.set(
          armKey("encode", order.encoderId, this.#onlyFor(order.outcome)),
          this.#encodeAct(order.outcome),
        );
        return {};
      case "next_scan":
        this.#encoder(order.encoderId);
        this.#armed.set(armKey("scan", order.encoderId, null), this.#scanAct(order.outcome));
        return {};
      case "set_code":
        return this.#setCode(order.deviceId, order.name, pinOf(code));
      case "enter_code":
        await this.#hardware.enterCode(this.#unit(order.deviceId), pinOf(code));
        return {};
      case "lock_by_hand":
        await this.#hardware.lockByHand(this.#unit(order.deviceId));
        return {};
      case "befall_lock":
        await this.#hardware.befall(this.#unit(order.deviceId), order.incident);
        return {};
      case "set_connected":
        await this.#hardware.setConnected(this.#unit(order.deviceId), order.isConnected);
        return {};
    }
  }

  /** Carries it out under an action attempt, which is durable when this returns. */
  start(
    order: SimulationOrder,
    code: Secret<string> | null,
    {
      actionType,
      cause,
      commandId,
    }: { readonly actionType: string; readonly cause: Cause; readonly commandId?: string },
  ): ActionAttempt {
    const engine = this.#engine;
    const { store, time, random } = engine.deps;
    const { now } = time.read();
    const attempt: ActionAttempt = {
      id: commandId ?? uuidV7(now, random(10)),
      actionType,
      status: "pending",
      result: null,
      error: null,
      credentialId: null,
      encoderId: null,
      ...("deviceId" in order ? { deviceId: order.deviceId } : {}),
      isCommand: commandId !== undefined,
      createdAt: now,
      finishedAt: null,
    };
    engine.transact(cause, (tx) => {
      store.attempts.create(attempt);
      tx.audit("simulates hardware", order.do);
    });
    const end = (outcome: Pick<ActionAttempt, "status" | "result" | "error">): void =>
      engine.transact(cause, (tx) => {
        tx.finishAttempt(attempt.id, outcome);
      });
    void this.carryOut(order, code).then(
      (result) => end({ status: "success", result, error: null }),
      (error: unknown) => {
        const type = error instanceof SeamError ? error.type : "uncategorized_error";
        const message = error instanceof Error ? error.message : "it could not be simulated";
        end({ status: "error", result: null, error: { type, message } });
      },
    );
    return attempt;
  }

  #encodeAct(outcome: EncodeOutcome): (job: Job) => void {
    const hardware = this.#hardware;
    if (outcome.is === "success") {
      return this.#whileAtIt((id) => void hardware.putCard(id, { kind: newKind(hardware) }));
    }
    return outcome.error === "encoding_interrupted"
      ? this.#whileAtIt((id) => void hardware.putRestlessCard(id))
      : this.#failure(outcome.error, null);
  }

  #scanAct(outcome: ScanOutcome): (job: Job) => void {
    const hardware = this.#hardware;
    switch (outcome.is) {
      case "known":
      case "stale": {
        const uid = this.#cardOf(outcome.credentialId, outcome.is === "stale");
        return this.#whileAtIt((id) => void hardware.putCard(id, { uid }));
      }
      case "foreign":
        return this.#whileAtIt((id) => void hardware.putForeignCard(id));
      case "blank":
        return this.#whileAtIt((id) => void hardware.putCard(id, { kind: newKind(hardware) }));
      case "error": {
        const uid = outcome.credentialId === null ? null : this.#cardOf(outcome.credentialId, null);
        return this.#failure(outcome.error, uid);
      }
    }
  }

  /** The credential that the outcome is meant for. Throws `SeamError` 404. */
  #onlyFor(outcome: EncodeOutcome): string | null {
    if (outcome.is === "success" || outcome.credentialId === null) return null;
    const row = this.#engine.deps.store.objects.get("acs_credential", outcome.credentialId);
    if (row === undefined || row.gone) throw missing("acs_credential", outcome.credentialId);
    return row.id;
  }

  /** A card lies there for as long as the job runs. */
  #whileAtIt(put: (encoderId: string) => void): (job: Job) => void {
    return (job) => {
      put(job.encoderId);
      void job.ended.then(() => this.#hardware.takeCard(job.encoderId));
    };
  }

  /** `uid`: the card that lies there and cannot be read for the noise; null: there is none. */
  #failure(
    error: "no_credential_on_encoder" | "uncategorized_error" | "action_attempt_expired",
    uid: string | null,
  ): (job: Job) => void {
    const hardware = this.#hardware;
    if (error === "uncategorized_error") {
      return (job) => {
        hardware.setGarbled(job.encoderId, true);
        if (uid !== null) hardware.putCard(job.encoderId, { uid });
        void job.ended.then(() => {
          hardware.setGarbled(job.encoderId, false);
          if (uid !== null) hardware.takeCard(job.encoderId);
        });
      };
    }
    const message = "no card was presented, as was ordered";
    return (job) => {
      hardware.takeCard(job.encoderId);
      const cancel = this.#engine.deps.clock.startTimer(REHEARSED_WAIT_MS, () =>
        this.#engine.jobs.abort(job.id, new JobEnd(error, message)),
      );
      void job.ended.then(cancel);
    };
  }

  /**
   * UID of the newest card of this credential, or of the one that was written last; `isStaleWanted` null: whether it is up
   * to date or not. Throws `SeamError`.
   */
  #cardOf(credentialId: string | null, isStaleWanted: boolean | null): string {
    const { objects } = this.#engine.deps.store;
    const named = credentialId === null ? undefined : objects.get("acs_credential", credentialId);
    if (credentialId !== null && named?.gone !== false) throw missing("acs_credential", credentialId);
    const rows = named === undefined ? objects.list("acs_credential", { limit: CREDENTIALS_MAX }) : [named];
    const written = rows
      .flatMap((row) => (row.record?.context.issued == null ? [] : [row.record]))
      .filter(({ state }) => isStaleWanted === null || isStaleWanted === (state === "needs_to_be_reissued"))
      .sort((a, b) => (b.context.issued?.at ?? 0) - (a.context.issued?.at ?? 0));
    const uid = written[0]?.context.issued?.uid;
    if (uid != null) return uid;
    const which = isStaleWanted === true ? "a card that needs to be reissued" : "a card that is up to date";
    throw new SeamError(400, "no_such_card", `No credential like this has ${which}: encode one first.`);
  }

  async #setCode(deviceId: string, name: string, code: Secret<string>): Promise<JsonObject> {
    const { store, clock } = this.#engine.deps;
    await this.#hardware.setCodeAtLock(this.#unit(deviceId), code);
    for (let waited = 0; waited < SEEN_WITHIN_MS; waited += LOOK_EVERY_MS) {
      await sleep(clock, LOOK_EVERY_MS, new AbortController().signal);
      const [row] = store.objects.list("access_code", {
        systemId: deviceId,
        isManaged: false,
        code,
        limit: 1,
      });
      if (row === undefined) continue;
      const spec = { ...accessCodeSpec.parse(row.spec), name } as JsonObject;
      this.#engine.localChange(
        { kind: "access_code", id: row.id, spec, code: row.code },
        { opBy: "simulation" },
        "named a code of a lock",
      );
      return { access_code_id: row.id };
    }
    throw new SeamError(400, "uncategorized_error", "The gateway did not see the code: is the lock online?");
  }

  #unit(deviceId: string): string {
    const lock = this.#engine.deps.inventory.locks.find(({ id }) => id === deviceId);
    if (lock === undefined) throw missing("device", deviceId);
    return lock.unit;
  }

  #encoder(id: string): void {
    if (!this.#engine.deps.inventory.encoders.some((encoder) => encoder.id === id)) {
      throw missing("acs_encoder", id);
    }
  }
}

const CREDENTIALS_MAX = 10_000;

/** The kind that comes first on the site's encoder. */
function newKind({ cardKinds: [kind = ""] }: Simulation): string {
  return kind;
}

function armKey(kind: "encode" | "scan", encoderId: string, credentialId: string | null): string {
  return `${kind} ${encoderId} ${credentialId ?? ""}`;
}

function pinOf(code: Secret<string> | null): Secret<string> {
  if (code === null) throw new SeamError(400, "invalid_input", "Required", undefined, "code");
  return code;
}

/** Seam's `simulate` routes on the gateway. */
export function gatewaySimulation(
  simulation: GatewaySimulation,
  codes: SeamModel["accessCodes"],
): SeamSimulation {
  const arm = async (order: SimulationOrder): Promise<void> => {
    await simulation.carryOut(order, null);
  };
  const attempt = (
    order: SimulationOrder,
    code: Secret<string> | null,
    actionType: string,
    by: Caller,
  ): JsonObject => renderActionAttempt(simulation.start(order, code, { actionType, cause: causeOf(by) }));
  return {
    nextEncode: (encoderId, outcome) => arm({ do: "next_encode", encoderId, outcome }),
    nextScan: (encoderId, outcome) => arm({ do: "next_scan", encoderId, outcome }),
    async createUnmanagedCode({ deviceId, code, name }, by) {
      const made = await simulation.carryOut({ do: "set_code", deviceId, name }, code);
      return codes.unmanaged.get({ id: made["access_code_id"] as string }, by);
    },
    enterCode: ({ deviceId, code }, by) =>
      attempt({ do: "enter_code", deviceId }, code, "SIMULATE_KEYPAD_CODE_ENTRY", by),
    lockByHand: (deviceId, by) =>
      attempt({ do: "lock_by_hand", deviceId }, null, "SIMULATE_MANUAL_LOCK_VIA_KEYPAD", by),
    befall: (deviceId, incident) => arm({ do: "befall_lock", deviceId, incident }),
    setConnected: (deviceId, isConnected) => arm({ do: "set_connected", deviceId, isConnected }),
  };
}
