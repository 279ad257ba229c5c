import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { calm, ZWaveSite } from "#test/support/zwave-site";

/** What a code costs the battery of a lock: each command that it is sent is a second of radio. */
let site: ZWaveSite;
const V1 = 2;
const V2 = 3;
const SECURE = 4;
const CREDENTIALS = 5;
const commands = new Map<number, string[]>();

beforeAll(async () => {
  site = await ZWaveSite.open([
    { nodeId: V1, kind: "v1", slots: 3 },
    { nodeId: V2, kind: "v2", slots: 3 },
    { nodeId: SECURE, kind: "v2", slots: 3, isSecure: true },
    { nodeId: CREDENTIALS, kind: "credentials", slots: 3 },
  ]);
  for (const node of [V1, V2, SECURE, CREDENTIALS])
    site.lock(node).node.defineBehavior({
      handleCC(_controller, _node, { constructor }) {
        commands.set(node, [
          ...(commands.get(node) ?? []),
          constructor.name.replace(/^User(Code|Credential)CC/, ""),
        ]);
        return undefined;
      },
    });
}, 60_000);

afterAll(() => site.close());

/** Sent to the lock since the last look. */
function sentTo(node: number): readonly string[] {
  const sent = commands.get(node) ?? [];
  commands.delete(node);
  return sent;
}

test.each([
  ["User Code 1", V1, "Set"],
  ["User Code 2", V2, "ExtendedUserCodeSet"],
  ["User Code 2 over S2", SECURE, "ExtendedUserCodeSet"],
])("%s: one order and one reading, which is what the caller hears", async (_, node, order) => {
  const keypad = site.keypad(node);
  const pin = new Secret("4711");
  const written = await keypad.writeSlot(1, pin, calm());
  expect(sentTo(node)).toEqual([order, "Get"]);
  expect(written?.is === "code" && written.code.reveal()).toBe("4711");
  expect(await keypad.clearSlot(1, calm())).toEqual({ is: "empty" });
  expect(sentTo(node)).toEqual([order, "Get"]);
});

test("a lock that masks its codes is heard as such", async () => {
  site.lock(V1).habits.masks = true;
  expect(await site.keypad(V1).writeSlot(1, new Secret("4711"), calm())).toEqual({ is: "withheld" });
  await site.keypad(V1).clearSlot(1, calm());
  site.lock(V1).habits.masks = false;
  sentTo(V1);
});

test("User Credential: whose the slot is, user and code, and both read back", async () => {
  const keypad = site.keypad(CREDENTIALS);
  const written = await keypad.writeSlot(1, new Secret("4711"), calm());
  expect(sentTo(CREDENTIALS)).toEqual([
    "CredentialGet",
    "UserGet",
    "UserSet",
    "CredentialSet",
    "CredentialGet",
    "UserGet",
  ]);
  expect(written?.is === "code" && written.code.reveal()).toBe("4711");
  expect(await keypad.clearSlot(1, calm())).toEqual({ is: "empty" });
  expect(sentTo(CREDENTIALS)).toEqual(["CredentialGet", "UserSet", "CredentialGet"]);
});

test("a code that is written over one that somebody switched off, and switched off again, is told again", async () => {
  const keypad = site.keypad(V2);
  site.lock(V2).put(2, "4711", "disabled");
  await keypad.readSlot(2, calm());
  await keypad.writeSlot(2, new Secret("4711"), calm());
  const events = site.events(V2);
  site.lock(V2).put(2, "4711", "disabled");
  expect(await keypad.readSlot(2, calm())).toEqual({ is: "withheld" });
  expect(events).toEqual([{ type: "slot.changed", slot: 2 }]);
  await keypad.clearSlot(2, calm());
});

test("User Code 1: a master code that the lock refuses is not believed because asterisks are there", async () => {
  const keypad = site.keypad(V1);
  await keypad.writeSlot(1, new Secret("4711"), calm());
  await keypad.writeSlot(2, new Secret("0815"), calm());
  Object.assign(site.lock(V1).habits, { masks: true, dropsDuplicates: true, tellsDuplicates: true });
  const error = await keypad.writeSlot(2, new Secret("4711"), calm()).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "device.refused",
    message: expect.stringContaining("another slot") as string,
  });
  Object.assign(site.lock(V1).habits, { masks: false, dropsDuplicates: false, tellsDuplicates: false });
  for (const slot of [1, 2]) await keypad.clearSlot(slot, calm());
});
