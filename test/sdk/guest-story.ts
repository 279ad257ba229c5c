import { expect } from "vitest";
import { type Client, codeOf, DAY_MS, type Sdk, SOON } from "./sdks.js";

export interface GuestsLock {
  readonly deviceId: string;
  /** Of what is typed in vain: what the lock can say of it. */
  readonly denials: { readonly early: string; readonly late: string };
}

const RADIO = { timeout: 40_000, interval: 100 };
const pinOf = (): string => String(Math.floor(100_000 + Math.random() * 800_000));
const at = (ms: number): string => new Date(Math.floor(Date.now() / 1_000) * 1_000 + ms).toISOString();

/**
 * A PIN from the wish to the door, told by Seam's SDK alone: what is typed at the keypad is typed through Seam's own
 * `simulate` route, and what the door did is what its events say.
 */
export async function playGuestStory(sdk: Sdk, seam: Client, lock: GuestsLock): Promise<void> {
  const { deviceId: device_id, denials } = lock;
  const [first, second] = [pinOf(), pinOf()];
  const made = await seam.accessCodes.create({ device_id, name: "Ada", code: first });
  const { access_code_id } = made;
  const code = () => seam.accessCodes.get({ access_code_id });
  await expect.poll(code, RADIO).toMatchObject({ status: "set", code: first, errors: [], warnings: [] });
  const opened = {
    event_type: "lock.unlocked",
    method: "keycode",
    access_code_id,
    access_code_is_managed: true,
  };
  expect(await typed(seam, device_id, first)).toMatchObject(opened);
  expect(await typed(seam, device_id, pinOf())).toMatchObject(denied("unknown_code"));

  await seam.accessCodes.update({ access_code_id, code: second });
  await expect.poll(code, RADIO).toMatchObject({ status: "set", code: second, pending_mutations: [] });
  expect(await typed(seam, device_id, first)).toMatchObject(denied("unknown_code"));
  expect(await typed(seam, device_id, second)).toMatchObject(opened);

  await seam.accessCodes.update({ access_code_id, starts_at: at(5 * DAY_MS), ends_at: at(6 * DAY_MS) });
  await expect.poll(code, RADIO).toMatchObject({ status: "unset", is_scheduled_on_device: false });
  expect(await typed(seam, device_id, second)).toMatchObject(denied(denials.early));

  await seam.accessCodes.update({ access_code_id, starts_at: at(-DAY_MS), ends_at: at(20_000) });
  await expect.poll(code, RADIO).toMatchObject({ status: "set" });
  expect(await typed(seam, device_id, second)).toMatchObject(opened);
  const gone = () => codeOf(sdk.errors.api, seam.accessCodes.get({ access_code_id }));
  await expect.poll(gone, RADIO).toBe("access_code_not_found");
  expect(await typed(seam, device_id, second)).toMatchObject(denied(denials.late));

  const events = await seam.events.list({ since: at(-DAY_MS), access_code_id, limit: 100 });
  const types = events.map(({ event_type }) => event_type).filter((type) => type.startsWith("access_code."));
  const told = (type: string): number => types.filter((one) => one === `access_code.${type}`).length;
  expect([told("created"), told("code_changed"), told("deleted")]).toEqual([1, 1, 1]);
  // With the first PIN, with the second, and again after the time in which it was not wanted.
  expect([told("set_on_device"), told("removed_from_device")]).toEqual([3, 2]);
  expect(types.filter((type) => /failed|delay|external/.test(type))).toEqual([]);
  expect(JSON.stringify(events)).not.toContain(first);

  const deleted = await seam.accessCodes.create({ device_id, name: "Bob", code: pinOf() });
  const id = { access_code_id: deleted.access_code_id };
  await expect.poll(() => seam.accessCodes.get(id), RADIO).toMatchObject({ status: "set" });
  await seam.accessCodes.delete(id);
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.accessCodes.get(id)), RADIO)
    .toBe("access_code_not_found");
  expect(await typed(seam, device_id, deleted.code ?? "")).toMatchObject(denied("unknown_code"));
}

const denied = (reason_code: string) => ({ event_type: "lock.access_denied", reason: { reason_code } });

/** What the door did: the one event that follows. */
async function typed(seam: Client, device_id: string, code: string): Promise<unknown> {
  const doors = { since: at(-60_000), device_id, limit: 200 };
  const isAct = ({ event_type: type }: { event_type: string }) =>
    type === "lock.unlocked" || type === "lock.access_denied";
  const acts = async () => (await seam.events.list(doors)).filter(isAct);
  const known = new Set((await acts()).map(({ event_id }) => event_id));
  await seam.locks.simulate.keypadCodeEntry({ device_id, code });
  const news = async () => (await acts()).filter(({ event_id }) => !known.has(event_id));
  await expect.poll(news, SOON).toHaveLength(1);
  return (await news())[0];
}
