import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { identifyDevice } from "#src/api/gateway-identify";
import { EngineRig } from "#test/support/engine-rig";

async function desk(): Promise<EngineRig> {
  const rig = new EngineRig({ hasStripes: true });
  await rig.clock.advance(5_000);
  return rig;
}

test("a device that has lamps shows itself, and is as before", async () => {
  const rig = await desk();
  const lamps: string[] = [];
  const { stripes } = rig;
  const receive = stripes.receive.bind(stripes);
  stripes.receive = (bytes) => {
    receive(bytes);
    if (stripes.lamp !== lamps.at(-1)) lamps.push(stripes.lamp);
  };
  const units = await rig.clock.until(identifyDevice(rig.engine.deps, "stripes"), { msMax: 15_000 });
  expect(units).toEqual(["main"]);
  expect(lamps.filter((lamp) => lamp === "all")).toHaveLength(3);
  expect(stripes.lamp).toBe("off");
});

test("an encoder is found by its key or its name as well, and alone shows itself", async () => {
  const rig = await desk();
  const { deps } = rig.engine;
  const encoder = { id: randomUUID(), key: "bar", name: "Bar", systemId: "", unit: "stripes/main" };
  const inventory = { ...deps.inventory, encoders: [encoder] };
  for (const named of ["bar", "BAR", encoder.id]) {
    const found = identifyDevice({ ...deps, inventory }, named);
    expect(await rig.clock.until(found, { msMax: 15_000 })).toEqual(["main"]);
  }
  const other = { ...inventory, encoders: [{ ...encoder, unit: "stripes/none" }] };
  const none = identifyDevice({ ...deps, inventory: other }, "bar").catch((error: unknown) => error);
  expect(await rig.clock.until(none, { msMax: 15_000 })).toHaveProperty("type", "device_cannot_identify");
});

test("says why it cannot: no such device, not connected, busy, or nothing to show itself with", async () => {
  const rig = await desk();
  const identify = (key: string) =>
    rig.clock.until(
      identifyDevice(rig.engine.deps, key).catch((error: unknown) => error),
      { msMax: 40_000 },
    );
  expect(await identify("nowhere")).toMatchObject({ status: 404, type: "device_not_found" });
  expect(await identify("nowhere")).toHaveProperty("message", expect.stringContaining("stripes"));

  let finish = (): void => undefined;
  const work = rig.devices.use("stripes/main", new AbortController().signal, () => {
    return new Promise<void>((resolve) => (finish = resolve));
  });
  expect(await identify("stripes")).toMatchObject({
    status: 409,
    message: expect.stringContaining("busy") as string,
  });
  finish();
  await work;
  expect(await identify("stripes")).toEqual(["main"]);

  rig.stripes.faults.isDead = true;
  expect(await identify("stripes")).toMatchObject({ status: 409, type: "device_cannot_identify" });
});
