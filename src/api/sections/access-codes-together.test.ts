import { expect, test } from "vitest";
import { LOCK, KeypadRig } from "#test/support/keypad-rig";
import { rigApi } from "#test/support/rig-api";

interface Made {
  readonly access_codes: readonly { readonly code: string; readonly common_code_key: string | null }[];
}

async function together(lengths: readonly [number, number], input: object) {
  const rig = await new KeypadRig().ready();
  const api = rigApi(rig);
  const device_ids = [LOCK.plain, LOCK.masked];
  for (const [index, device_id] of device_ids.entries()) {
    await api.post("/access_codes/report_device_constraints", {
      device_id,
      supported_code_lengths: [lengths[index]],
    });
  }
  const { status, body } = await api.post("/access_codes/create_multiple", { device_ids, ...input });
  return {
    status,
    type: (body["error"] as { type?: string } | undefined)?.type,
    ...(body as unknown as Made),
  };
}

test("locks that take the same PINs get one, under one key", async () => {
  const { access_codes: codes } = await together([5, 5], {});
  expect(new Set(codes.map(({ code }) => code)).size).toBe(1);
  expect(new Set(codes.map(({ common_code_key: key }) => key)).size).toBe(1);
  expect(codes[0]?.common_code_key).not.toBeNull();
});

test("locks that share no length get PINs of their own only when that is asked for, and nothing links them", async () => {
  expect(await together([4, 6], {})).toMatchObject({ status: 400, type: "code_cannot_be_shared" });
  const asked = { behavior_when_code_cannot_be_shared: "create_random_code" };
  const { access_codes: codes } = await together([4, 6], asked);
  expect(codes).toMatchObject([{ common_code_key: null }, { common_code_key: null }]);
  expect(codes.map(({ code }) => code.length)).toEqual([4, 6]);
});
