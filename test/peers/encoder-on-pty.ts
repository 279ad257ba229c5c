import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { CardSeen, CardWriter, Device, SerialLine } from "#driver-api";
import pn532 from "#drivers/pn532/index";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import type { CardState } from "#src/cards/card-state";
import {
  erasePlan,
  interpret,
  type Planned,
  readPlan,
  verify,
  verifyPlan,
  type WantedCard,
  writePlan,
} from "#src/cards/plan";
import type { LaidProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { realClock } from "#src/ops/clock";
import { attach } from "#src/sandbox/attach";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { openSerialLine } from "#src/transports/serial";

/** A tool that waits longer for its device waits for ever. */
const TOOL_LIMIT_MS = 10_000;

export interface ToolRun {
  readonly exitCode: number;
  readonly stdout: string;
}

/**
 * A simulated PN532 on a pseudo-terminal, which programs of others and our own driver use one after the other, as they
 * would share a device on a desk.
 */
export class EncoderOnPty {
  readonly simulator = new Pn532Simulator();
  /** For the dumps that the tools write and read. */
  readonly folder = mkdtempSync(join(tmpdir(), "lockbridge-peers-"));
  #pty: PtyEnd | null = null;

  async open(): Promise<this> {
    this.#pty = await openPty(join(this.folder, "tty"));
    attach(this.#pty, this.simulator);
    return this;
  }

  async close(): Promise<void> {
    await this.#pty?.unplug();
    rmSync(this.folder, { recursive: true, force: true });
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Builds one of the C programs beside this file; returns its path. */
  compile(name: string, libraries: readonly string[]): string {
    const program = this.file(name);
    const source = join(import.meta.dirname, `${name}.c`);
    const words = ["-std=c11", "-Wall", "-Wextra", "-Werror", source, "-o", program];
    const { status, stderr } = spawnSync("gcc", [...words, ...libraries.map((library) => `-l${library}`)]);
    expect(stderr.toString()).toBe("");
    expect(status).toBe(0);
    return program;
  }

  /** Runs a program built on libnfc against the simulated chip. */
  run(program: string, ...words: readonly string[]): Promise<ToolRun> {
    const device = `pn532_uart:${this.file("tty")}`;
    const env = { ...process.env, LIBNFC_DEVICE: device, LIBNFC_LOG_LEVEL: "0" };
    return new Promise((resolve, reject) => {
      const options = { env, cwd: this.folder, timeout: TOOL_LIMIT_MS };
      const child = execFile(program, words, options, (error, stdout) => {
        // A program that ended, well or not, has an exit code; one that was not found or was stopped has none.
        if (error !== null && child.exitCode === null)
          reject(new Error(`${program} did not run`, { cause: error }));
        else resolve({ exitCode: child.exitCode ?? 0, stdout });
      });
    });
  }

  /** Opens the port as the daemon does, lets our driver work, and closes both. */
  async withOurDriver<T>(work: (desk: Desk) => Promise<T>): Promise<T> {
    const line = await openSerialLine(this.file("tty"), { baudRate: 115_200 }, { clock: realClock });
    try {
      return await withDevice(line, work);
    } finally {
      await line.close();
    }
  }
}

const call = { signal: new AbortController().signal };
const silent = { debug: () => undefined, warn: () => undefined };

async function withDevice<T>(line: SerialLine, work: (desk: Desk) => Promise<T>): Promise<T> {
  const device: Device = await pn532.open({}, { line, clock: realClock, log: silent }, call);
  try {
    const writer = device.units[0]?.cardWriter;
    if (writer === undefined) throw new Error("the driver has no card writer");
    return await work(new Desk(writer));
  } finally {
    await device.close();
  }
}

/** What a gateway does with a card, without its store. */
export class Desk {
  readonly #writer: CardWriter;

  constructor(writer: CardWriter) {
    this.#writer = writer;
  }

  async state(profile: LaidProfile, keySets: readonly SiteKeys[]): Promise<CardState> {
    const card = await this.#writer.present(call);
    return interpret(profile, card, keySets, await this.#read(card, profile, keySets));
  }

  /** Writes the card and verifies it as the gateway would. */
  async encode(profile: LaidProfile, keys: SiteKeys, wanted: WantedCard): Promise<void> {
    const card = await this.#writer.present(call);
    const before = await this.#read(card, profile, [keys]);
    await this.#write(card, writePlan(profile, card, [keys], before, wanted));
    const after = await this.#writer.read(card, verifyPlan(profile, card, keys), call);
    expect(verify(profile, card, [keys], after, wanted)).toEqual({ ok: true });
  }

  async erase(profile: LaidProfile, keys: SiteKeys): Promise<void> {
    const card = await this.#writer.present(call);
    const before = await this.#read(card, profile, [keys]);
    await this.#write(card, erasePlan(profile, card, [keys], before));
  }

  #read(card: CardSeen, profile: LaidProfile, keySets: readonly SiteKeys[]) {
    return this.#writer.read(card, readPlan(profile, card, keySets), call);
  }

  async #write(card: CardSeen, planned: Planned): Promise<void> {
    if (!planned.ok) throw new Error(planned.message);
    await this.#writer.write(card, planned.plan, call);
  }
}
