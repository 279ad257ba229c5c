import { randomBytes } from "node:crypto";
import { type Call, type DriverContext, DriverError } from "#driver-api";
import { bringUp } from "./bring-up.js";
import type { LineConfig } from "./config.js";
import { deliver } from "./deliver.js";
import { NAK, nakWords, type Reply, type Request, requests } from "./messages.js";
import { type Job, Peripheral, type Problem } from "./peripheral.js";
import { nextTurn, type Turn } from "./schedule.js";
import { type Outcome, Wire } from "./wire.js";

/** More commands than this do not wait for one peripheral. */
const JOBS_MAX = 32;
/** Opening waits no longer for readers that are slow or away, once one is there. */
const OPENING_MS = 5_000;
/** A command that the peripheral surely did not do is tried again once, after beginning anew. */
const TRIES_MAX = 2;

/**
 * All peripherals of one line: polls each in turn, puts commands before polls, brings up who is away. One exchange at a
 * time; nothing happens at the line that this loop does not do.
 */
export class Bus {
  readonly peripherals: readonly Peripheral[];
  readonly #wire: Wire;
  readonly #context: DriverContext<"serial">;
  readonly #config: LineConfig;
  /** Peripherals that were not tried since the opening. */
  readonly #untried: Set<Peripheral>;
  readonly #onChange = new Set<() => void>();
  #opened: (() => void) | null = null;

  constructor(config: LineConfig, context: DriverContext<"serial">) {
    this.#config = config;
    this.#context = context;
    this.#wire = new Wire(context, 9_600);
    this.peripherals = Object.entries(config.units).map(
      ([key, unit]) => new Peripheral(key, unit, context.keys),
    );
    this.#untried = new Set(this.peripherals);
  }

  /** Resolves once somebody answered; rejects when nobody does, or the call is cancelled. */
  async open({ signal }: Call): Promise<void> {
    const onAbort = () => this.#wire.end("opening was cancelled");
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      refuseCancelled(signal);
      await this.#wire.setBaud(this.#config.baud_rate);
      await new Promise<void>((resolve) => {
        this.#opened = resolve;
        void this.#run();
      });
      refuseCancelled(signal);
      if (this.#wire.ended !== null) throw new DriverError("device.lost", "none", this.#wire.ended);
      if (!this.peripherals.some(({ isUp }) => isUp)) throw this.#nobody();
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    this.#wire.end("the driver was closed");
    for (const peripheral of this.peripherals) {
      for (const listeners of [peripheral.onCard, peripheral.onInput, peripheral.onTamper]) listeners.clear();
    }
    this.#onChange.clear();
  }

  /** Peripherals became available, or are so no more. */
  onChange(listener: () => void): () => void {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  /** Has a command done. Rejects with a DriverError. */
  submit(peripheral: Peripheral, request: Request, call: Call): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusalBefore(peripheral, request, call);
      if (refusal !== null) {
        reject(refusal);
        return;
      }
      const onAbort = () => job.reject(errorOf("call.cancelled", job, "cancelled"));
      const settle = () => {
        call.signal.removeEventListener("abort", onAbort);
        job.isDropped = true;
        const at = peripheral.jobs.indexOf(job);
        if (at >= 0) peripheral.jobs.splice(at, 1);
      };
      const job: Job = {
        request,
        call,
        isSent: false,
        isDropped: false,
        resolve: (reply) => {
          settle();
          resolve(reply);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      call.signal.addEventListener("abort", onAbort, { once: true });
      peripheral.jobs.push(job);
      this.#wire.wake();
    });
  }

  /** A sign of life of the line: any of its peripherals answers. */
  async ping(call: Call): Promise<void> {
    const upFirst = [...this.peripherals].sort((a, b) => Number(b.isUp) - Number(a.isUp));
    let failure: unknown = null;
    for (const peripheral of upFirst) {
      try {
        await this.submit(peripheral, requests.poll(), call);
        return;
      } catch (error) {
        const mayOthersAnswer = error instanceof DriverError && error.code.endsWith(".silent");
        if (!mayOthersAnswer) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #refusalBefore({ jobs, key }: Peripheral, { name }: Request, { signal }: Call): DriverError | null {
    if (this.#wire.ended !== null) return new DriverError("device.lost", "none", this.#wire.ended);
    if (signal.aborted)
      return new DriverError("call.cancelled", "none", `${name} was cancelled before it began`);
    if (jobs.length < JOBS_MAX) return null;
    return new DriverError("device.busy", "none", `${key}: ${JOBS_MAX} commands wait already`);
  }

  // ── The loop ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    const { clock } = this.#context;
    const openingEndsAt = clock.monotonic() + OPENING_MS;
    let wasCommand = false;
    try {
      for (;;) {
        const now = clock.monotonic();
        const turn: Turn<Peripheral> | null = nextTurn(this.peripherals, now, wasCommand);
        if (turn === null) return;
        wasCommand = turn.who.jobs.length > 0;
        if (turn.waitMs > 0) await this.#wire.idle(turn.waitMs);
        else await this.#serve(turn.who);
        if (this.#untried.size === 0 || (this.#isAnyUp() && clock.monotonic() >= openingEndsAt))
          this.#opened?.();
      }
    } catch (error) {
      // The line is gone, or the driver was closed. A mistake of this file must not leave callers waiting either.
      this.#wire.end(error instanceof Error ? error.message : "the conversation broke off");
    } finally {
      const reason = this.#wire.ended ?? "the line is gone";
      for (const { jobs } of this.peripherals) {
        for (const job of [...jobs]) job.reject(errorOf("device.lost", job, reason));
      }
      this.#opened?.();
    }
  }

  async #serve(peripheral: Peripheral): Promise<void> {
    if (!peripheral.isUp && !(await this.#bringUp(peripheral))) {
      for (const job of [...peripheral.jobs]) job.reject(this.#silence(peripheral, job));
      return;
    }
    const [job] = peripheral.jobs;
    if (job === undefined) await this.#poll(peripheral);
    else await this.#perform(peripheral, job);
  }

  async #poll(peripheral: Peripheral): Promise<void> {
    const startedAt = this.#context.clock.monotonic();
    const outcome = await this.#converse(peripheral, requests.poll());
    peripheral.dueAt = startedAt + this.#config.poll_ms;
    if (outcome.is !== "answered") {
      if (outcome.is !== "busy") peripheral.fellOut(this.#context.clock.monotonic());
      return;
    }
    const { reply } = outcome;
    if (reply.is === "nak") this.#refusedPoll(peripheral, reply.error);
    // Somebody who has something to say has more, most often.
    else if (reply.is !== "ack") peripheral.dueAt = startedAt;
    this.#tell(peripheral, reply);
  }

  /** A NAK to a poll means that the session is gone, or that CRC is not liked after all. */
  #refusedPoll(peripheral: Peripheral, error: number): void {
    if (error === NAK.check && peripheral.session.usesCrc) this.#withoutCrc(peripheral);
    else peripheral.fellOut(this.#context.clock.monotonic());
  }

  #withoutCrc(peripheral: Peripheral): void {
    peripheral.neverCrc = true;
    peripheral.session.usesCrc = false;
  }

  async #perform(peripheral: Peripheral, job: Job): Promise<void> {
    for (let tries = 1; !job.isDropped; tries++) {
      if (!peripheral.isUp && !(await this.#bringUp(peripheral))) {
        job.reject(this.#silence(peripheral, job));
        return;
      }
      // Cancelled while the peripheral was brought up.
      if (job.call.signal.aborted) return;
      job.isSent = true;
      const outcome = await this.#converse(peripheral, job.request);
      if (!this.#settle(peripheral, job, outcome, tries < TRIES_MAX)) return;
    }
  }

  /** True when the command was surely not done, or may be done twice, and is to be sent once more. */
  #settle(peripheral: Peripheral, job: Job, outcome: Outcome, mayRepeat: boolean): boolean {
    const now = this.#context.clock.monotonic();
    switch (outcome.is) {
      case "answered": {
        const { reply } = outcome;
        if (reply.is !== "nak") {
          job.resolve(reply);
          this.#tell(peripheral, reply);
          return false;
        }
        job.isSent = false;
        if (mayRepeat && reply.error === NAK.check && peripheral.session.usesCrc) {
          this.#withoutCrc(peripheral);
          return true;
        }
        if (reply.error === NAK.sequence || reply.error === NAK.securityRequired) {
          peripheral.fellOut(now);
          if (mayRepeat) return true;
        }
        job.reject(errorOf("device.refused", job, `${peripheral.key}: ${nakWords(reply.error)}`));
        return false;
      }
      case "busy":
        // It never took the command, and the number is still open.
        job.isSent = false;
        job.reject(errorOf("device.busy", job, `${peripheral.key} is busy and stays so`));
        return false;
      case "out_of_step":
        peripheral.fellOut(now);
        if (outcome.notDone) job.isSent = false;
        if (mayRepeat && (outcome.notDone || !job.request.changes)) return true;
        job.reject(this.#silence(peripheral, job));
        return false;
      case "silent":
        peripheral.fellOut(now);
        job.reject(this.#silence(peripheral, job));
        return false;
    }
  }

  async #converse(peripheral: Peripheral, request: Request): Promise<Outcome> {
    const outcome = await this.#wire.converse(peripheral.session.begin(request));
    if (outcome.is === "answered" || outcome.is === "busy") peripheral.heard(this.#context.clock.monotonic());
    return outcome;
  }

  async #bringUp(peripheral: Peripheral): Promise<boolean> {
    const { clock, log } = this.#context;
    const wasAvailable = peripheral.isAvailable;
    const before = peripheral.problem;
    const problem = await bringUp(
      {
        wire: this.#wire,
        log,
        random: () => new Uint8Array(randomBytes(8)),
        baud: this.#config.baud_rate,
        now: () => clock.monotonic(),
        deliver: (who, reply) => this.#tell(who, reply),
      },
      peripheral,
    );
    this.#untried.delete(peripheral);
    const now = clock.monotonic();
    if (problem !== null) {
      const hasGone = peripheral.stayedAway(now, problem);
      const isWorthTelling = problem.is === "key" || !peripheral.isAvailable;
      if (hasGone || (isWorthTelling && before?.message !== problem.message))
        this.#tellProblem(peripheral, problem);
      if (hasGone || (isWorthTelling && before?.message !== problem.message)) this.#tellChange();
      return false;
    }
    peripheral.cameUp(now);
    if (!wasAvailable) {
      const { vendor = null, model = null, firmware = null, serial = null } = peripheral.id ?? {};
      log.debug(
        { event: "osdp.online", unit: peripheral.key, vendor, model, firmware, serial },
        "a reader is online",
      );
      this.#tellChange();
    }
    return true;
  }

  #tellProblem({ key, config }: Peripheral, { is, message }: Problem): void {
    this.#context.log.warn(
      { event: "osdp.problem", unit: key, address: config.address, problem: is, reason: message },
      "a reader cannot be used",
    );
  }

  #tell(peripheral: Peripheral, reply: Reply): void {
    const { isTampered, hasPowerFailed, isUnsteady } = peripheral;
    const { clock, log } = this.#context;
    const now = clock.monotonic();
    deliver(peripheral, reply, { now, log });
    peripheral.lookBack(now);
    if (peripheral.isUnsteady && !isUnsteady)
      log.warn(
        { event: "osdp.unsteady", unit: peripheral.key },
        "a reader's conversation breaks off again and again",
      );
    const isNews =
      isTampered !== peripheral.isTampered ||
      hasPowerFailed !== peripheral.hasPowerFailed ||
      isUnsteady !== peripheral.isUnsteady;
    if (isNews && peripheral.isAvailable) this.#tellChange();
  }

  #tellChange(): void {
    for (const listener of [...this.#onChange]) listener();
  }

  // ── Errors ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #isAnyUp(): boolean {
    return this.peripherals.some(({ isUp }) => isUp);
  }

  /** One peripheral among others that work is no reason to open the whole line anew. */
  #silence(peripheral: Peripheral, job: Job): DriverError {
    const othersWork = this.peripherals.some((other) => other !== peripheral && other.isUp);
    const why = peripheral.problem?.message ?? "no usable answer";
    return errorOf(othersWork ? "unit.silent" : "device.silent", job, `${peripheral.key}: ${why}`);
  }

  #nobody(): DriverError {
    const problems = this.peripherals.flatMap(({ key, problem }) =>
      problem === null ? [] : [{ key, problem }],
    );
    const told = problems.find(({ problem }) => problem.is !== "silent") ?? problems[0];
    if (told === undefined) return new DriverError("device.silent", "none", "no reader answers");
    const code = told.problem.is === "silent" ? "device.silent" : "device.wrong";
    return new DriverError(code, "none", `no reader can be used; ${told.key}: ${told.problem.message}`);
  }
}

function refuseCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new DriverError("call.cancelled", "none", "opening was cancelled", signal.reason);
}

/** Once its bytes were handed to the line, only an answer proves that a command changed nothing. */
function errorOf(
  code: ConstructorParameters<typeof DriverError>[0],
  { request, isSent }: Job,
  message: string,
): DriverError {
  return new DriverError(code, isSent && request.changes ? "unknown" : "none", `${request.name}: ${message}`);
}
