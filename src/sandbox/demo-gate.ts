import type { JsonObject } from "#src/lib/json";
import type { DemoApp } from "./demo-app.js";
import { type DemoSite, until } from "./demo-site.js";
import type { Stage } from "./demo-story.js";

const PIN = "471147";
const WRONG_PIN = "123456";

/** A PIN from the wish in the cloud to the open gate: an OSDP keypad reports keys, and the gateway decides. */
export async function playGate(site: DemoSite, stage: Stage, app: DemoApp): Promise<void> {
  const { gate } = site.hardware;
  const since = new Date().toISOString();
  stage.act("A PIN for the gate");
  await until("the keypad at the gate has its own key", () =>
    site.gateway.engine.deps.devices.isOnline("bus/gate"),
  );
  stage.done("the keypad was given a key of its own, and is spoken to over a secure channel");
  const deviceId = await deviceNamed(app, "Gate");
  const id = await codeFor(app, deviceId, PIN);
  stage.done("access code created in the cloud, and set: the gateway keeps it");

  gate.pressKeys(`${WRONG_PIN}#`);
  const denied = await told(app, { deviceId, since, type: "lock.access_denied" });
  const { message } = denied["reason"] as { readonly message: string };
  stage.done(`a wrong PIN is typed: red light, three beeps, the gate stays shut. "${message}"`);

  const opened = gate.pulses.length;
  gate.pressKeys(`${PIN}#`);
  const unlocked = await told(app, { deviceId, since, type: "lock.unlocked" });
  if (gate.pulses.length !== opened + 1 || unlocked["access_code_id"] !== id)
    throw new Error("the gate was told to be open, and is not");
  stage.done("the right one: green light, and the gate opens for five seconds");
  await app.call("/access_codes/delete", { access_code_id: id });
}

/** The device of that name, once the cloud knows that it takes codes: what the gateway has found travels there first. */
export async function deviceNamed(app: DemoApp, name: string): Promise<string | undefined> {
  let found: JsonObject | undefined;
  await until(`the cloud knows what ${name} can do`, async () => {
    const { devices } = await app.call("/devices/list");
    found = (devices as readonly JsonObject[]).find((device) => device["display_name"] === name);
    return found?.["can_program_online_access_codes"] === true;
  });
  return found?.["device_id"] as string | undefined;
}

/** The id of a code that is made in the cloud, once it is set. */
export async function codeFor(app: DemoApp, deviceId: string | undefined, code: string): Promise<string> {
  const created = await app.call("/access_codes/create", { device_id: deviceId, code, name: "Ada" });
  const { access_code_id } = created["access_code"] as { readonly access_code_id: string };
  await until("the code is set", async () => {
    const known = await app.call("/access_codes/get", { access_code_id });
    return (known["access_code"] as JsonObject)["status"] === "set";
  });
  return access_code_id;
}

/** The event, once the cloud tells of it. */
export async function told(
  app: DemoApp,
  {
    deviceId,
    since,
    type,
  }: { readonly deviceId: string | undefined; readonly since: string; readonly type: string },
): Promise<JsonObject> {
  let found: JsonObject | undefined;
  await until(`the cloud tells ${type}`, async () => {
    const { events } = await app.call("/events/list", { since, device_id: deviceId, event_type: type });
    found = (events as readonly JsonObject[]).at(-1);
    return found !== undefined;
  });
  return found ?? {};
}
