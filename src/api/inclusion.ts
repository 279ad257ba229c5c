import { type Device, DriverError, type IncludedUnit, type InclusionTalk } from "#driver-api";
import { type Clock, sleep, withDeadline } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { InclusionStep } from "./model.js";

export type InclusionAct =
  { readonly is: "include"; readonly qrCode: Secret<string> | null } | { readonly is: "exclude" };

export interface InclusionTools {
  readonly clock: Clock;
  /** Queues for the stick, then runs `work` alone on it. */
  readonly use: <T>(signal: AbortSignal, work: (device: Device) => Promise<T>) => Promise<T>;
  /** Is told what was done, for the audit. */
  readonly done: (what: string) => void;
}

/** The stick listens so long for a lock, and for one with a QR code, which joins when it gets power. */
const LOCK_WAIT_MS = 3 * 60_000;
const SMART_START_WAIT_MS = 15 * 60_000;
/** Interviewing a lock and reading all its codes takes minutes. */
const WHOLE_MS = 30 * 60_000;
/** A stick does not listen on without anybody who asks how far it is. */
const UNWATCHED_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/** One lock on its way in or out, from the beginning on, and what is to be told of it. */
export class Inclusion {
  readonly id: string;
  readonly device: string;
  readonly #act: InclusionAct;
  readonly #tools: InclusionTools;
  readonly #stop = new AbortController();
  readonly #over = new AbortController();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #step: InclusionStep = "waiting_for_device";
  /** Monotonic milliseconds. */
  #stepSince: number;
  #watchedUntil: number;
  #question: { readonly dsk: string; readonly answer: (pin: Secret<string> | null) => void } | null = null;
  #included: IncludedUnit | null = null;
  #excluded: string | null = null;
  #error: { readonly type: string; readonly message: string } | null = null;
  #stoppedBecause: string | null = null;

  constructor(id: string, device: string, act: InclusionAct, tools: InclusionTools) {
    this.id = id;
    this.device = device;
    this.#act = act;
    this.#tools = tools;
    this.#stepSince = tools.clock.monotonic();
    this.#watchedUntil = this.#stepSince;
    void this.#run();
    void this.#watchTime();
  }

  get hasEnded(): boolean {
    return this.#over.signal.aborted;
  }

  facts(): JsonObject {
    const { unit = "", model = "", security = "" } = this.#included ?? {};
    return {
      inclusion_id: this.id,
      device: this.device,
      act: this.#act.is,
      version: this.#version,
      step: this.#step,
      say: this.#say(),
      dsk: this.#question?.dsk ?? null,
      included: this.#included === null ? null : { unit: `${this.device}/${unit}`, model, security },
      excluded_unit: this.#excluded === null ? null : `${this.device}/${this.#excluded}`,
      error: this.#error === null ? null : { ...this.#error },
    };
  }

  /** Resolves with the next change, at once when there was one after version `after`, and after `ms` in any case. */
  async newerThan(after: number, ms: number): Promise<void> {
    const { clock } = this.#tools;
    this.#watchedUntil = clock.monotonic() + ms;
    if (this.#version > after || this.hasEnded) return;
    let changed = (): void => undefined;
    const parent = new AbortController().signal;
    await withDeadline({ clock, ms, parent }, () => {
      return new Promise<void>((resolve) => this.#listeners.add((changed = resolve)));
    }).catch(() => undefined);
    this.#listeners.delete(changed);
    this.#watchedUntil = clock.monotonic();
  }

  /** False: none is asked for. */
  givePin(pin: Secret<string> | null): boolean {
    const question = this.#question;
    if (question === null) return false;
    this.#question = null;
    this.#enter("securing");
    question.answer(pin);
    return true;
  }

  cancel(because = "it was cancelled"): void {
    if (this.#stop.signal.aborted) return;
    this.#stoppedBecause = because;
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    try {
      await this.#tools.use(this.#stop.signal, (device) => this.#work(device));
      this.#tools.done(this.#deed());
      this.#end("done");
    } catch (error) {
      this.#error = this.#wordsOf(error);
      this.#end("failed");
    }
  }

  async #work({ inclusion }: Device): Promise<void> {
    if (inclusion === undefined) throw new DriverError("device.refused", "none", "it takes no locks in");
    const { signal } = this.#stop;
    this.#enter("waiting_for_lock");
    if (this.#act.is === "exclude") {
      this.#excluded = await inclusion.exclude({ signal });
      return;
    }
    const { qrCode } = this.#act;
    const talk: InclusionTalk = {
      askPin: (dsk) => this.#ask(dsk),
      step: (step) => this.#enter(step),
    };
    this.#included = await inclusion.include(qrCode === null ? {} : { qrCode }, talk, { signal });
  }

  #ask(dsk: string): Promise<Secret<string> | null> {
    return new Promise((answer) => {
      if (this.#stop.signal.aborted) {
        answer(null);
        return;
      }
      this.#question = { dsk, answer };
      this.#stop.signal.addEventListener("abort", () => answer(null), { once: true });
      this.#enter("needs_pin");
    });
  }

  async #watchTime(): Promise<void> {
    const { clock } = this.#tools;
    const begun = clock.monotonic();
    const isQrCode = this.#act.is === "include" && this.#act.qrCode !== null;
    const lockWaitMs = isQrCode ? SMART_START_WAIT_MS : LOCK_WAIT_MS;
    while (!this.hasEnded) {
      const now = clock.monotonic();
      const isListening = this.#step === "waiting_for_lock";
      if (now - begun >= WHOLE_MS) this.cancel("it took too long");
      if (isListening && now - this.#stepSince >= lockWaitMs)
        this.cancel(`no lock answered within ${lockWaitMs / 60_000} minutes`);
      if (this.#step !== "interviewing" && now - this.#watchedUntil >= UNWATCHED_MS)
        this.cancel("nobody watched it any more");
      await sleep(clock, LOOK_EVERY_MS, this.#over.signal).catch(() => undefined);
    }
  }

  #enter(step: InclusionStep): void {
    if (this.hasEnded) return;
    this.#step = step;
    this.#stepSince = this.#tools.clock.monotonic();
    this.#version += 1;
    for (const listener of [...this.#listeners]) listener();
  }

  #end(step: "done" | "failed"): void {
    this.#question = null;
    this.#enter(step);
    this.#over.abort();
    this.cancel();
  }

  #say(): string {
    const isIn = this.#act.is === "include";
    switch (this.#step) {
      case "waiting_for_device":
        return "The stick is busy; it is waited for.";
      case "waiting_for_lock":
        if (this.#act.is === "include" && this.#act.qrCode !== null)
          return "Give the lock power: it joins by itself, which can take minutes.";
        return `Do at the lock what its manual says for ${isIn ? "adding it to" : "removing it from"} a Z-Wave network.`;
      case "securing":
        return "The lock has answered; keys are agreed upon.";
      case "needs_pin":
        return "The lock wants the first five digits of the key on its label (DSK).";
      case "interviewing":
        return "The lock has joined; it is asked what it is and for all its codes, which can take minutes.";
      case "done":
        return isIn ? "The lock is included." : "The lock is excluded.";
      case "failed":
        return this.#error?.message ?? "It did not work.";
    }
  }

  #deed(): string {
    if (this.#included !== null) return `included the lock ${this.device}/${this.#included.unit}`;
    return this.#excluded === null
      ? `excluded a lock of another network at ${this.device}`
      : `excluded the lock ${this.device}/${this.#excluded}`;
  }

  #wordsOf(error: unknown): { type: string; message: string } {
    if (!(error instanceof DriverError)) {
      const message = this.#stoppedBecause ?? "the driver failed";
      return { type: this.#stoppedBecause === null ? "uncategorized_error" : "call.cancelled", message };
    }
    const { code, effect } = error;
    const message = this.#stoppedBecause ?? error.message.replace(` [${code}]`, "");
    const isHalfIn = this.#act.is === "include" && effect === "unknown" && code !== "device.refused";
    const advice = "; it may have joined all the same: exclude it before you include it again";
    return { type: code, message: isHalfIn ? `${message}${advice}` : message };
  }
}
