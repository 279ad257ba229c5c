import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { payloadOf, REPORT_BYTES, toReports } from "./protocol.js";
import { Msr605xSimulator } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

test.each(vectors.messages)("$message travels as $reports", ({ message, reports }) => {
  const whole = reports.map((report) => report.padEnd(REPORT_BYTES * 2, "0"));
  expect(toReports(fromHex(message)).map(toHex)).toEqual(whole);
  expect(whole.map((report) => toHex(payloadOf(fromHex(report)))).join("")).toBe(message);
});

test.each(vectors.headers)("$bytes bytes go behind $headers", ({ bytes, headers }) => {
  const reports = toReports(new Uint8Array(bytes));
  expect(reports.map(([header = 0]) => header.toString(16).padStart(2, "0"))).toEqual(headers);
});

test("any message comes out of its reports, and any report carries something", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (message) => {
      const reports = toReports(message);
      expect(reports.every(({ length }) => length === REPORT_BYTES)).toBe(true);
      expect(toHex(Buffer.concat(reports.map(payloadOf)))).toBe(toHex(message));
      expect(payloadOf(message).length).toBeLessThan(REPORT_BYTES);
    }),
  );
});

/** The simulator shares no code with the driver: here the published reports stand between the two. */
test("the simulator takes and makes the published reports", () => {
  const { messages } = vectors;
  const heard: string[] = [];
  let say: (bytes: Uint8Array) => void = () => undefined;
  const simulator = new Msr605xSimulator({
    receive: (bytes) => heard.push(toHex(bytes)),
    onSend: (listener) => {
      say = listener;
      return () => undefined;
    },
  });
  const said: string[] = [];
  simulator.onSend((report) => said.push(toHex(report)));
  for (const { message, reports } of messages) {
    for (const report of reports) simulator.receive(fromHex(report.padEnd(REPORT_BYTES * 2, "0")));
    say(fromHex(message));
  }
  expect(heard).toEqual(messages.map(({ message }) => message));
  const published = messages.flatMap(({ reports }) => reports);
  expect(said.map((report, index) => report.slice(0, published[index]?.length))).toEqual(published);
  expect(said.every((report) => report.endsWith("5a"))).toBe(true);
});
