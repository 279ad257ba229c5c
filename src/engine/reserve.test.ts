import { expect, test } from "vitest";
import { EngineRig, SITE } from "#test/support/engine-rig";
import { RESERVE_BYTES, reserveRefusal } from "./reserve.js";

const A = "eeeeeeee-0000-4000-8000-00000000000a";

/** A rig whose disk has as much left as the test says. */
async function rigWith(freeBytes: number | null) {
  const disk = { freeBytes };
  const rig = await new EngineRig({ freeBytes: () => disk.freeBytes }).ready();
  rig.feedCredential(A);
  rig.put();
  const startEncode = () =>
    rig.engine.startJob({
      kind: "encode",
      encoderId: SITE.desk,
      credentialId: A,
      overwrite: false,
      cause: {},
    });
  return { rig, disk, startEncode };
}

test("below the reserve no key is begun, nothing is stored of it, and all else goes on", async () => {
  const { rig, disk, startEncode } = await rigWith(RESERVE_BYTES - 1);
  const before = rig.journal();
  expect(startEncode()).toEqual({ ok: false, why: "storage_full" });
  expect(rig.journal()).toEqual(before);
  expect(rig.store.attempts.list({ limit: 9 })).toEqual([]);
  expect((await rig.job("scan")).status).toBe("success");
  rig.feedCredential(A, { state: "revoked" });
  expect(rig.state(A)).toBe("invalidated");
  disk.freeBytes = RESERVE_BYTES;
  rig.feedCredential("eeeeeeee-0000-4000-8000-00000000000b");
  expect((await rig.job("encode", "eeeeeeee-0000-4000-8000-00000000000b")).status).toBe("success");
});

test("a disk that fills while the card is waited for: the job ends before the intent, the card is as it was", async () => {
  const { rig, disk, startEncode } = await rigWith(RESERVE_BYTES);
  rig.take();
  const started = startEncode();
  await rig.clock.advance(1_000);
  disk.freeBytes = 0;
  rig.put();
  await rig.clock.advance(5_000);
  const attempt = rig.store.attempts.get(started.ok ? started.attempt.id : "");
  expect(attempt).toMatchObject({
    status: "error",
    error: {
      type: "uncategorized_error",
      message: expect.stringMatching(/0 MB left.*\[storage_full\]/) as string,
    },
  });
  expect(rig.journal()).not.toContain("intent");
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("the cloud's command is told why", async () => {
  const { rig } = await rigWith(0);
  const id = "ffffffff-0000-4000-8000-000000000001";
  const command = { id, expectGen: null };
  const started = rig.engine.startJob({
    kind: "encode",
    encoderId: SITE.desk,
    credentialId: A,
    overwrite: false,
    cause: {},
    command,
  });
  expect(started).toEqual({ ok: false, why: "storage_full" });
  rig.engine.refuseCommand(id, "ENCODE_CREDENTIAL", "storage_full");
  expect(rig.store.attempts.get(id)?.error?.message).toContain("[storage_full]");
});

test("a vendor's system makes no key either", async () => {
  const { rig, disk } = await rigWith(RESERVE_BYTES);
  const id = "eeeeeeee-0000-4000-8000-00000000000c";
  rig.feedCredential(id, { acs_system_id: SITE.issuerSystem, allowed_acs_entrance_ids: [SITE.vaultRoom] });
  rig.simulator.hopper.push(Buffer.from("04112233445566", "hex"));
  let asked = 0;
  Object.defineProperty(disk, "freeBytes", { get: () => ((asked += 1) > 1 ? 0 : RESERVE_BYTES) });
  const outcome = await rig.job("encode", id, false, SITE.issuer);
  expect(outcome.error?.message).toContain("[storage_full]");
  expect(rig.simulator.hopper).toHaveLength(1);
});

test("a disk that does not say how much it has left keeps nobody from working", () => {
  expect(reserveRefusal({ freeBytes: () => null })).toBeNull();
  expect(reserveRefusal({})).toBeNull();
});
