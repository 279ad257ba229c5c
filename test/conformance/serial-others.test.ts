import { describe } from "vitest";
import { serialPorts } from "#test/conformance/serial-ports";
import { driversOn, testDriver } from "#test/conformance/suite";

/** As `serial.test.ts`, for the drivers that are not there. */
const ids = (await driversOn("serial")).filter((_, index) => index % 2 === 1);

describe.each(ids)("%s over a real serial port", (id) => testDriver(id, serialPorts));
