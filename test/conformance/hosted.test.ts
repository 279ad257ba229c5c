import { describe } from "vitest";
import { drivers } from "#drivers/index";
import { rigOf, testCases } from "#test/conformance/suite";
import { hostedCopy } from "#test/support/hosted-copy";

/**
 * A driver that runs in a process of its own keeps the contract as if it did not: the whole suite, put to drivers whose
 * every call, event, key and error crosses as text. Between them they have every capability but the stripe's pulls.
 */
const HOSTED = ["reference", "osdp", "msr605"] as const;

describe.each(HOSTED)("%s, hosted", async (id) => {
  const load = async () => hostedCopy((await drivers[id]()).default);
  testCases({ id, driver: await load(), rig: await rigOf(id) }, load);
});
