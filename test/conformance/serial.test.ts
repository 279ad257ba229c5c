import { describe } from "vitest";
import { serialPorts } from "#test/conformance/serial-ports";
import { driversOn, testDriver } from "#test/conformance/suite";

/**
 * The whole suite once more for every driver of a serial line, through the real `serialport` and a pseudo-terminal. Time
 * stands while a byte is on its way and is virtual otherwise: no case waits for it, and the driver of a library with
 * timers of its own is the only one in real time.
 */
describe.each(await driversOn("serial"))("%s over a real serial port", (id) => testDriver(id, serialPorts));
