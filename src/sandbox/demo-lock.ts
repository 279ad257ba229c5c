import type { DemoApp } from "./demo-app.js";
import { codeFor, deviceNamed, told } from "./demo-gate.js";
import { type DemoSite, until } from "./demo-site.js";
import type { Stage } from "./demo-story.js";

const PIN = "280911";
const WRONG_PIN = "654321";
/** The library is loaded, and the lock is asked what it is. */
const READY_WITHIN_MS = 60_000;

/** A PIN from the wish in the cloud to a Z-Wave lock, which holds it and decides alone. */
export async function playLock(site: DemoSite, stage: Stage, app: DemoApp): Promise<void> {
  const { radio } = site.hardware;
  if (radio === null) return;
  const since = new Date().toISOString();
  stage.act("A PIN for the Z-Wave lock of a flat");
  const { devices } = site.gateway.engine.deps;
  await until("the lock was asked what it is", () => devices.isOnline(radio.unit), READY_WITHIN_MS);
  stage.done("the stick was found, and its lock was asked what it is and which codes it holds");
  const deviceId = await deviceNamed(app, "Flat 2");
  const id = await codeFor(app, deviceId, PIN);
  const lock = await radio.lock();
  if (![...lock.slots().values()].some(({ code }) => code === PIN))
    throw new Error("the lock holds no such code");
  stage.done("access code created in the cloud, written to the lock over S2, and read back: set");

  if ((await lock.pressKeys(WRONG_PIN)) !== "refused") throw new Error("the lock opened to a wrong PIN");
  const denied = await told(app, { deviceId, since, type: "lock.access_denied" });
  const { message } = denied["reason"] as { readonly message: string };
  stage.done(`a wrong PIN is typed: it stays shut. "${message}"`);

  if ((await lock.pressKeys(PIN)) !== "opened") throw new Error("the lock did not open to its PIN");
  const unlocked = await told(app, { deviceId, since, type: "lock.unlocked" });
  if (unlocked["access_code_id"] !== id) throw new Error("nobody was told whose code it was");
  stage.done("the right one: the lock opens by itself, and the cloud is told whose code it was");
  await app.call("/access_codes/delete", { access_code_id: id });
}
