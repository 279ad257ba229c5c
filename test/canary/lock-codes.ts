import { expect } from "vitest";
import type { CanarySite } from "./canary-site.js";

interface Tools {
  readonly site: CanarySite;
  readonly ask: (
    path: string,
    body: object,
    key: string,
    options?: { readonly isOpen?: boolean },
  ) => Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  readonly look: <T>(what: string, find: () => Promise<T | undefined>) => Promise<T>;
  /** Makes a PIN a secret that must turn up nowhere. */
  readonly keep: (name: string, pin: string) => string;
  readonly apiKey: string;
  readonly viewerKey: string;
}

interface Code {
  readonly access_code_id: string;
  readonly status: string;
  readonly is_scheduled_on_device: boolean;
}

const made = new Set<string>();

/** As long as locks take them, and in digits that no clock, port or counter has in a row. */
function lockPin(): string {
  for (;;) {
    const middle = Array.from({ length: 6 }, () => (Math.random() < 0.5 ? "0" : "7")).join("");
    const pin = `7${middle}7`;
    if (made.has(pin) || !middle.includes("07") || !middle.includes("70")) continue;
    made.add(pin);
    return pin;
  }
}

/**
 * PINs on locks that hold them, that mask them, that keep their windows, and at a door that the gateway decides over:
 * set, changed, typed right and wrong, refused, cut short, changed by somebody else, deleted.
 */
export async function codesOnLocks(tools: Tools): Promise<void> {
  const { site, ask, look, keep, apiKey, viewerKey } = tools;
  const { locks, gate } = site.hardware;
  const { simulator } = locks;
  const isOnline = (key: string) =>
    look(`${key} is ready`, async () => {
      const { body } = await ask("/devices/get", { device_id: site.lockId(key) }, viewerKey);
      const { properties } = body["device"] as { properties: { online: boolean } };
      return properties.online ? true : undefined;
    });
  for (const key of ["locks/lock-1", "locks/lock-2", "bus/gate"]) await isOnline(key);

  const codeOf = async (id: string): Promise<Code | undefined> => {
    const { body } = await ask("/access_codes/get", { access_code_id: id }, apiKey, { isOpen: true });
    return body["access_code"] as Code | undefined;
  };
  const isThere = (id: string) =>
    look("the code is on its lock", async () => {
      const code = await codeOf(id);
      return code?.status === "set" || code?.is_scheduled_on_device === true ? true : undefined;
    }).catch(async (error: unknown) => {
      const { body } = await ask("/access_codes/get", { access_code_id: id }, viewerKey);
      throw new Error(JSON.stringify(body), { cause: error });
    });
  const create = async (key: string, more: object = {}) => {
    const pin = keep(`PIN on ${key}`, lockPin());
    const wish = { device_id: site.lockId(key), code: pin, ...more };
    const { body } = await ask("/access_codes/create", wish, apiKey, { isOpen: true });
    const { access_code_id: id } = body["access_code"] as Code;
    await isThere(id);
    return { id, pin };
  };
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

  const plain = await create("locks/lock-1");
  const ahead = await create("locks/lock-1", { starts_at: inDays(1), ends_at: inDays(2) });
  const masked = await create("locks/lock-2");
  const door = await create("bus/gate");
  const all = [plain, ahead, masked, door];
  for (const { id } of all) {
    const code = keep("changed PIN", lockPin());
    await ask("/access_codes/update", { access_code_id: id, code }, apiKey, { isOpen: true });
    await isThere(id);
  }

  // Typed: wrong ones until the door takes none any more, and one that no lock knows.
  const pulses = gate.pulses.length;
  const right = await create("bus/gate");
  gate.pressKeys(`${right.pin}#`);
  await look("the gate opens", () => Promise.resolve(gate.pulses.length > pulses ? true : undefined));
  for (let times = 0; times < 6; times++) gate.pressKeys(`${keep("PIN typed wrong", lockPin())}#`);
  simulator.useCode("lock-1", keep("PIN that no lock knows", lockPin()));
  simulator.useCode("lock-1", Object.values(simulator.codesOf("lock-1"))[0] ?? "");

  // Somebody else's hand, a lock that refuses, and one that is pulled in the middle of it.
  simulator.changeSlotAtLock("lock-1", 20, keep("PIN by somebody else", lockPin()));
  simulator.changeSlotAtLock("lock-1", 1, keep("PIN changed at the lock", lockPin()));
  simulator.refusesCodes = true;
  const refused = keep("PIN that the lock refuses", lockPin());
  await ask("/access_codes/update", { access_code_id: masked.id, code: refused }, apiKey, { isOpen: true });
  await look("the lock has refused", async () => {
    const { body } = await ask("/access_codes/get", { access_code_id: masked.id }, viewerKey);
    const { errors } = body["access_code"] as { errors: unknown[] };
    return errors.length > 0 ? true : undefined;
  });
  simulator.refusesCodes = false;
  // What was changed at the other lock was refused as well, perhaps three times: then it rests for an hour.
  for (const lock of ["lock-1", "lock-2"]) await site.cli(["codes", "retry", lock]);
  simulator.faults.isSilent = true;
  const cut = keep("PIN that is cut short", lockPin());
  await ask("/access_codes/update", { access_code_id: plain.id, code: cut }, apiKey, { isOpen: true });
  await locks.unplug();
  simulator.faults.isSilent = false;
  await look("the lock is away", async () => {
    const { body } = await ask("/access_codes/get", { access_code_id: plain.id }, viewerKey);
    return JSON.stringify(body).includes("device_offline") ? true : undefined;
  });
  await locks.plugIn();
  for (const lock of ["lock-1", "lock-2"]) {
    await isOnline(`locks/${lock}`);
    await site.cli(["codes", "retry", lock]);
  }
  for (const { id } of all) await isThere(id);

  // PINs that do not fit, or are taken.
  const [long, taken] = [keep("PIN that is too long", lockPin().repeat(2).slice(0, 12)), cut];
  for (const code of [long, taken, `${keep("PIN with a letter", lockPin())}x`]) {
    const wish = { device_id: site.lockId("locks/lock-1"), code };
    const { status } = await ask("/access_codes/create", wish, apiKey);
    expect([400, 409]).toContain(status);
  }
  for (const key of ["locks/lock-1", "locks/lock-2", "bus/gate"]) {
    const device_id = site.lockId(key);
    await ask("/access_codes/list", { device_id }, viewerKey);
    await ask("/access_codes/unmanaged/list", { device_id }, viewerKey);
    await ask("/devices/get", { device_id }, viewerKey);
  }
  await site.cli(["locks"]);
  await site.cli(["locks", "--json"]);
  await ask("/access_codes/delete", { access_code_id: ahead.id }, apiKey);
}
