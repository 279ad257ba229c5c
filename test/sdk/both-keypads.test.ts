import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type DemoSite, startDemoSite, until } from "#src/sandbox/demo-site";
import { sourceProgram } from "#test/hosts/programs";
import { serversOf } from "#test/support/whole-site";
import { playGuestStory } from "./guest-story.js";
import { SDKS } from "./sdks.js";

/**
 * The same story at both kinds of keypad that there are drivers for: an OSDP keypad, for which the gateway decides, and a
 * Z-Wave lock, which keeps its codes; each over the gateway's API and over the stand-in cloud's.
 */
let site: DemoSite;
beforeAll(async () => {
  // A machine whose clock is set right: no code leaves a lock by a date that is not sure.
  const synchronised = fileURLToPath(new URL("../power-cuts/synchronised", import.meta.url));
  vi.stubEnv("PATH", `${synchronised}:${process.env["PATH"] ?? ""}`);
  site = await startDemoSite({
    port: 0,
    hasRadio: true,
    hostProgram: sourceProgram("src/hosted-driver.ts"),
    onFatal(error) {
      throw error;
    },
  });
  const { devices } = site.gateway.engine.deps;
  await until("the radio's lock is there", () => devices.isOnline(site.hardware.radio?.unit ?? ""), 60_000);
  await until("the gate is there", () => devices.isOnline("bus/gate"));
}, 120_000);

afterAll(async () => {
  await site.stop();
  vi.unstubAllEnvs();
  rmSync(site.stateDir, { recursive: true, force: true });
});

/** A lock that keeps its codes does not know one that does not lie there. */
const KEYPADS = [
  { unit: "bus/gate", denials: { early: "expired_code", late: "expired_code" } },
  { unit: "stick/node-2", denials: { early: "unknown_code", late: "unknown_code" } },
] as const;
const [, sdk] = SDKS;

test.each(serversOf(() => site))(
  "a guest's PIN through $name",
  { timeout: 180_000 },
  async ({ name, of }) => {
    const { inventory, store } = site.gateway.engine.deps;
    const tell = async ({ unit, denials }: (typeof KEYPADS)[number]) => {
      const lock = inventory.locks.find((known) => known.unit === unit);
      await until(`the server knows ${unit}`, () =>
        name === "the gateway" ? true : site.cloud.site.locks.observed(lock!.id)?.keypad != null,
      );
      await playGuestStory(sdk!, sdk!.connect(of()), { deviceId: lock!.id, denials });
    };
    await Promise.all(KEYPADS.map(tell));
    expect(store.journal.verifyChain()).toBeUndefined();
  },
);
