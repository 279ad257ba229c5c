import { expect, test } from "vitest";
import { realClock } from "#src/ops/clock";
import { Secret } from "#src/lib/secret";
import { lineOnPty } from "#test/support/line-on-pty";
import driver from "./index.js";
import { ReferenceSimulator, SimulatedClassic } from "./simulator.js";

/** The whole way once: a real serial port, the kernel's line, and a real unplug in the middle of a call. */
test("encodes over a real serial line, and loses it honestly", async () => {
  const simulator = new ReferenceSimulator(realClock);
  const port = await lineOnPty(simulator, driver);
  const call = { signal: new AbortController().signal };
  const log = { debug: () => undefined, warn: () => undefined };
  const device = await driver.open(driver.config.parse({}), { line: port.line, clock: realClock, log }, call);

  simulator.antenna.push(new SimulatedClassic(Buffer.from("a1b2c3d4", "hex")));
  const writer = device.units.find(({ cardWriter }) => cardWriter !== undefined)!.cardWriter!;
  const card = await writer.present(call);
  const key = { name: "transport", slot: "A", key: new Secret(new Uint8Array(6).fill(0xff)) } as const;
  const data = Uint8Array.from({ length: 16 }, (_, index) => index * 17);
  const steps = [{ block: 4, data: new Secret(data), key }];
  await writer.write(card, { container: "classic", sector: 1, steps }, call);
  const read = await writer.read(card, { container: "classic", sector: 1, blocks: [4], keys: [key] }, call);
  expect(read).toEqual({ container: "classic", opened: "transport", blocks: new Map([[4, data]]) });

  simulator.faults.isSilent = true;
  const writing = writer
    .write(card, { container: "classic", sector: 1, steps }, call)
    .catch((e: unknown) => e);
  await port.unplug();
  expect(await writing).toMatchObject({ code: expect.stringMatching(/^device\.(lost|silent)$/) as string });
  await device.close();
  await port.close();
});
