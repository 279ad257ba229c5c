import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { OnDeviceKeypad } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { calm, ZWaveSite } from "#test/support/zwave-site";
import { GOOD_HABITS } from "./simulator-lock.js";

/** The library's own events carry codes in clear: none of it gets out, however a call ends. */
const PINS = ["86420975", "97531864"] as const;
const NODES = [2, 3, 4];
let site: ZWaveSite;
const told: unknown[] = [];
const printed: string[] = [];

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((chunk) => printed.push(String(chunk)) > 0);
  for (const name of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, name).mockImplementation(
      (...words) => void printed.push(words.map((word) => inspect(word)).join(" ")),
    );
  site = await ZWaveSite.open([
    { nodeId: 2, kind: "v1", slots: 3 },
    { nodeId: 3, kind: "v2", slots: 3, isSecure: true },
    { nodeId: 4, kind: "credentials", slots: 3 },
  ]);
  site.clock.factor = 20;
}, 60_000);

afterAll(async () => {
  vi.restoreAllMocks();
  await site.close();
});

test("no code is in any log line, event or error of the real library's doings", async () => {
  for (const node of NODES) {
    const keypad = site.keypad(node);
    keypad.onEvent((event) => told.push(event));
    for (const act of actsOn(node, keypad)) await act().catch((error: unknown) => told.push(error));
    Object.assign(site.lock(node).habits, GOOD_HABITS);
  }
  site.lock(2).silence(true);
  await site
    .keypad(2)
    .writeSlot(1, new Secret(PINS[0]), calm())
    .catch((error: unknown) => told.push(error));
  const gone = site.keypad(3).writeSlot(3, new Secret(PINS[1]), calm());
  site.line.unplug();
  await gone.catch((error: unknown) => told.push(error));
  expect(told.length).toBeGreaterThan(12);
  const everything = [...told, ...site.logged]
    .map((thing) => inspect(thing, { depth: 12, showHidden: true }) + JSON.stringify(thing))
    .concat(printed)
    .join("\n");
  for (const pin of PINS) for (const shape of shapesOf(pin)) expect(everything).not.toContain(shape);
}, 60_000);

function actsOn(node: number, keypad: OnDeviceKeypad): readonly (() => Promise<unknown>)[] {
  const lock = site.lock(node);
  const [pin, other] = PINS;
  return [
    () => keypad.writeSlot(1, new Secret(pin), calm()),
    () => lock.pressKeys(pin),
    () => lock.pressKeys(other),
    () => lock.changeAtKeypad(2, other),
    () => lock.notifyWithCode(6, 2, other),
    () => keypad.readSlot(2, calm()).then((content) => told.push(content)),
    () => keypad.writeSlot(3, new Secret(pin), calm()),
    () => keypad.writeSlot(3, new Secret(pin.repeat(2)), calm()),
    () => {
      Object.assign(lock.habits, { lies: true, dropsDuplicates: true, tellsDuplicates: true });
      return keypad.writeSlot(3, new Secret(pin), calm());
    },
    () => {
      Object.assign(lock.habits, { hidesSlots: true });
      return keypad.writeSlot(2, new Secret(pin), calm());
    },
    () => keypad.clearSlot(1, calm()),
  ];
}

function shapesOf(pin: string): readonly string[] {
  const bytes = Buffer.from(pin);
  return [
    pin,
    bytes.toString("hex"),
    bytes.toString("base64").slice(0, -2),
    [...bytes].join(", "),
    [...bytes].join(","),
  ];
}
