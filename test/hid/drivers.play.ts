import { afterAll, describe } from "vitest";
import { HidPorts } from "#test/conformance/hid-ports";
import { driversOn, testDriver } from "#test/conformance/suite";
import { HidWorld } from "./world.js";

/** What `test/conformance/hid.test.ts` runs inside of the emulated machine. */
const world = await HidWorld.enter(process.env["LOCKBRIDGE_HID_WORLD"] ?? "");
const ports = new HidPorts(world);
afterAll(() => world.leave());

describe.each(await driversOn("hid"))("%s", (id) => testDriver(id, ports));
