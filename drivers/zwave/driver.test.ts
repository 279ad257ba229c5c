import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { calm, eventually, ZWaveSite } from "#test/support/zwave-site";

/** Every kind of lock, as it should be. */
let site: ZWaveSite;
const V1 = 2;
const V2 = 3;
const CREDENTIALS = 4;
const SECURE = 5;
const OLD_BOLT = 6;

beforeAll(async () => {
  site = await ZWaveSite.open([
    { nodeId: V1, kind: "v1" },
    { nodeId: V2, kind: "v2" },
    { nodeId: CREDENTIALS, kind: "credentials" },
    { nodeId: SECURE, kind: "v2", isSecure: true },
    { nodeId: OLD_BOLT, kind: "v1", slots: 2, hasOldBolt: true },
  ]);
}, 60_000);

afterAll(() => site.close());

const pin = (digits: string) => new Secret(digits);

test("says what the stick is, and has a unit for each lock", () => {
  expect(site.device.identity).toEqual({
    model: expect.stringContaining("Z-Wave stick") as string,
    firmware: expect.any(String) as string,
    serial: "7e570001",
  });
  expect(site.device.units.map(({ key }) => key)).toEqual(["node-2", "node-3", "node-4", "node-5", "node-6"]);
});

test.each([
  ["User Code 1", V1],
  ["User Code 2 with supervision", V2],
  ["User Credential", CREDENTIALS],
  ["User Code 2 over S2", SECURE],
])("%s: a code is written, read back, told by nobody else, used and removed", async (_, node) => {
  const keypad = site.keypad(node);
  const events = site.events(node);
  expect(await keypad.readSlot(3, calm())).toEqual({ is: "empty" });
  await keypad.writeSlot(3, pin("4711"), calm());
  expect(site.lock(node).code(3)).toBe("4711");
  const content = await keypad.readSlot(3, calm());
  expect(content.is === "code" && content.code.reveal()).toBe("4711");
  expect(await site.lock(node).pressKeys("4711")).toBe("opened");
  await eventually(() => expect(events).toEqual([{ type: "unlocked", method: "keycode", slot: 3 }]));
  expect(await site.lock(node).pressKeys("9999")).toBe("refused");
  await eventually(() => expect(events).toHaveLength(2));
  await keypad.writeSlot(3, pin("081512"), calm());
  expect(site.lock(node).slots().get(3)).toEqual({ code: "081512", isEnabled: true });
  await keypad.clearSlot(3, calm());
  expect(site.lock(node).slots().size).toBe(0);
  await keypad.clearSlot(3, calm());
  expect(events).toEqual([{ type: "unlocked", method: "keycode", slot: 3 }, { type: "denied" }]);
});

test.each([V1, V2, CREDENTIALS, SECURE, OLD_BOLT])(
  "node %i: the bolt is turned, and what counts is what the lock says",
  async (node) => {
    const keypad = site.keypad(node);
    await keypad.lock(calm());
    expect(site.lock(node).isLocked).toBe(true);
    expect(await keypad.readState?.(calm())).toMatchObject({ isLocked: true });
    await keypad.unlock(calm());
    expect(site.lock(node).isLocked).toBe(false);
  },
);

test("a sign of life", async () => {
  await site.device.ping(calm());
});
