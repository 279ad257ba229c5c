import { test, vi } from "vitest";
import type { Driver } from "#driver-api";
import { drivers } from "#drivers/index";
import type { Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { cases } from "#test/conformance/cases";
import type { Ports } from "#test/conformance/ports";
import type { DriverRig } from "#test/conformance/rig";

export type DriverId = keyof typeof drivers;
export const driverIds = Object.keys(drivers) as readonly DriverId[];

/** Some cases play a long conversation once for each of its bytes; a busy machine gets the time. */
export const CASE_MS_MAX = 120_000;

export async function rigOf(id: string): Promise<DriverRig> {
  const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };
  return rig;
}

/** The cases that a device can be put to. */
export function casesFor(rig: DriverRig): readonly Case[] {
  const isMeant = ({ needs }: Case) => needs === null || rig.capabilities.includes(needs);
  return cases.filter((it) => isMeant(it) && !(it.id in rig.exempt));
}

/** A test for each case that is put to the driver; `loadAnew` as in `Case.run`. */
export function testCases(subject: Subject, loadAnew: () => Promise<Driver>): void {
  for (const it of casesFor(subject.rig)) test(titleOf(it), () => it.run(subject, loadAnew), CASE_MS_MAX);
}

export const titleOf = ({ id, promise }: Case) => `${id} ${promise}`;

/** The whole suite for a driver of the list, in memory or over real ports. */
export async function testDriver(id: DriverId, ports?: Ports): Promise<void> {
  const load = drivers[id];
  const { default: driver } = await load();
  const subject = { id, driver, rig: await rigOf(id), ...(ports !== undefined && { ports }) };
  testCases(subject, async () => {
    vi.resetModules();
    return (await load()).default;
  });
}

/** Those of the list whose devices are on this kind of line. */
export async function driversOn(transport: Driver["transport"]): Promise<readonly DriverId[]> {
  const kinds = await Promise.all(driverIds.map(async (id) => (await drivers[id]()).default.transport));
  return driverIds.filter((_, index) => kinds[index] === transport);
}
