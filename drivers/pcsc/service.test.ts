import { type ChildProcess, spawn } from "node:child_process";
import { connect, type NetConnectOpts, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CardTechnology, Device } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { foundPorts } from "#src/transports/found-ports";
import { openPcscLine } from "#src/transports/pcsc";
import { blankCard } from "#test/conformance/laid-cards";
import { readPlanFor, writePlanFor } from "#test/conformance/plans";
import { expectCanary } from "#test/conformance/steps";
import driver from "./index.js";
import { PcscSimulator, type SimulatedCard } from "./simulator.js";

/**
 * The whole way through Debian's PC/SC service with its virtual reader (vsmartcard-vpcd) and the real addon. The virtual
 * reader waits for its card as a TCP client: being connected is what lying on the reader is.
 */
const VIRTUAL_READER = { host: "127.0.0.1", port: 35_963 };
const SERVICE_SOCKET = "/run/pcscd/pcscd.comm";
const ADDRESS = "pcsc:Virtual PCD 00 00";
const calm = () => ({ signal: new AbortController().signal });
const log = { debug: () => undefined, warn: () => undefined };

let service: ChildProcess;

/** One card on the virtual reader, until it is taken away. */
class VirtualCard {
  readonly #socket: Socket;

  constructor(card: SimulatedCard) {
    const reader = new PcscSimulator();
    reader.putCard(card);
    this.#socket = connect(VIRTUAL_READER);
    this.#socket.on("data", (bytes) => reader.receive(bytes));
    this.#socket.on("error", () => undefined);
    reader.onSend((bytes) => this.#socket.write(bytes));
  }

  takeAway(): void {
    this.#socket.destroy();
  }
}

function canConnect(to: NetConnectOpts): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = connect(to, () => {
      probe.destroy();
      resolve();
    });
    probe.on("error", reject);
  });
}

async function open(): Promise<{ device: Device; close: () => Promise<void> }> {
  const line = await openPcscLine(ADDRESS, { clock: realClock });
  const device = await driver.open({}, { line, clock: realClock, log }, calm());
  return {
    device,
    async close() {
      await device.close();
      await line.close();
    },
  };
}

/** The addon is optional: without libpcsclite-dev at the time of npm ci it is not there. */
const PACKAGE: string = "@pokusew/pcsclite";
const isInstalled = await import(PACKAGE).then(
  () => true,
  () => false,
);

describe.skipIf(!isInstalled)("through the PC/SC service", () => {
  /** Anew for each test: the virtual reader takes its time to notice that a card has gone. */
  beforeEach(async () => {
    service = spawn("pcscd", ["--foreground"], { stdio: "ignore" });
    // It opens the reader's port first and its own socket last: only with both does it serve.
    await vi.waitFor(() => canConnect(VIRTUAL_READER), { timeout: 10_000, interval: 100 });
    await vi.waitFor(() => canConnect({ path: SERVICE_SOCKET }), { timeout: 10_000, interval: 100 });
  }, 30_000);

  afterEach(async () => {
    const ended = new Promise((resolve) => service.once("exit", resolve));
    service.kill();
    await ended;
  });

  test("a reader that is not there is named with those that are", async () => {
    await expect(openPcscLine("pcsc:ACME 9000", { clock: realClock })).rejects.toMatchObject({
      code: "port.missing",
      message: expect.stringContaining("Virtual PCD 00 00") as string,
    });
  });

  test("its readers are found by name; two that differ in their numbers have no other", async () => {
    const found = (await foundPorts(realClock)).filter(({ kind }) => kind === "pcsc");
    expect(found.map(({ port, isLasting }) => [port, isLasting])).toEqual([
      ["pcsc:Virtual PCD 00 00", false],
      ["pcsc:Virtual PCD 00 01", false],
    ]);
  });

  test.each<CardTechnology>(["mifare_classic_1k", "mifare_classic_4k", "mifare_desfire"])(
    "a %s is written and read",
    async (technology) => {
      const { device, close } = await open();
      expect(device.identity.model).toBe("Virtual PCD 00 00");
      const writer = device.units[0]?.cardWriter;
      if (writer === undefined) throw new Error("no card writer");
      const waiting = writer.present(calm());
      const card = blankCard(technology);
      const virtual = new VirtualCard(card);
      const seen = await waiting;
      expect(seen).toEqual({ uid: toHex(card.uid), technology });
      await writer.write(seen, writePlanFor(technology), calm());
      expectCanary(await writer.read(seen, readPlanFor(technology), calm()));
      virtual.takeAway();
      const gone = await writer.read(seen, readPlanFor(technology), calm()).catch((error: unknown) => error);
      expect(gone).toMatchObject({ code: "card.absent", effect: "none" });
      await close();
    },
    15_000,
  );

  test("a wait for a card can be cancelled, and nothing is left behind", async () => {
    const { device, close } = await open();
    const operator = new AbortController();
    const waiting = device.units[0]?.cardWriter?.present({ signal: operator.signal });
    waiting?.catch(() => undefined);
    operator.abort();
    await expect(waiting).rejects.toMatchObject({ code: "call.cancelled", effect: "none" });
    await close();
  });
});
