import { describe } from "vitest";
import { serialPorts } from "#test/conformance/serial-ports";
import { driversOn, testDriver } from "#test/conformance/suite";

/**
 * The whole suite once more for every driver of a serial line, through the real `serialport` and a pseudo-terminal. Time
 * stands while a byte is on its way and is virtual otherwise: no case waits for it, and the driver of a library with
 * timers of its own is the only one in real time. Every second driver is here, and the others are in
 * `serial-others.test.ts`, so that two workers share them.
 */
const ids = (await driversOn("serial")).filter((_, index) => index % 2 === 0);

describe.each(ids)("%s over a real serial port", (id) => testDriver(id, serialPorts));
