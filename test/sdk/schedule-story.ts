import { expect } from "vitest";
import { type Client, DAY_MS, SOON } from "./sdks.js";

export interface SchedulingSite {
  /** A lock that keeps the windows of its codes itself. */
  readonly lockId: string;
  /** Windows that the lock keeps now, in seconds since 1970. */
  readonly windows: () => readonly (readonly [number, number])[];
}

/** A PIN for a guest who comes tomorrow: the lock has it today, and opens by itself when it is time. */
export async function playScheduleStory(
  seam: Client,
  { lockId: device_id, windows }: SchedulingSite,
): Promise<void> {
  await expect
    .poll(() => seam.devices.get({ device_id }), SOON)
    .toMatchObject({ properties: { online: true } });
  const minute = Math.ceil(Date.now() / 60_000) * 60_000;
  const [startsAt, endsAt] = [minute + DAY_MS, minute + 2 * DAY_MS];
  const at = (instant: number) => new Date(instant).toISOString();
  const { access_code_id } = await seam.accessCodes.create({
    device_id,
    starts_at: at(startsAt),
    ends_at: at(endsAt),
  });
  const code = () => seam.accessCodes.get({ access_code_id });
  await expect
    .poll(code, SOON)
    .toMatchObject({ status: "unset", is_scheduled_on_device: true, pending_mutations: [], errors: [] });
  expect(windows()).toEqual([[startsAt / 1_000, endsAt / 1_000]]);
  const told = await seam.events.list({ since: at(0), access_code_id, limit: 100 });
  expect(told.map(({ event_type }) => event_type)).toContain("access_code.scheduled_on_device");

  await seam.accessCodes.update({ access_code_id, ends_at: at(endsAt + DAY_MS) });
  await expect.poll(windows, SOON).toEqual([[startsAt / 1_000, (endsAt + DAY_MS) / 1_000]]);

  // The types of one generation do not know it for updates.
  const leftToGateway = { access_code_id, prefer_native_scheduling: false };
  await seam.accessCodes.update(leftToGateway);
  await expect.poll(code, SOON).toMatchObject({
    status: "unset",
    is_scheduled_on_device: false,
    pending_mutations: [{ mutation_code: "deferring_creation" }],
  });
  expect(windows()).toEqual([]);
  await seam.accessCodes.delete({ access_code_id });
}
