import { expect, test } from "vitest";
import { renumberedEntrances } from "#src/engine/renumbered";
import { EngineRig, SITE, uidOf } from "#test/support/engine-rig";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const B = "eeeeeeee-0000-4000-8000-00000000000b";

async function issued(rig: EngineRig, id = A) {
  rig.feedCredential(id);
  const card = rig.put();
  const outcome = await rig.job("encode", id);
  expect(outcome.error).toBeNull();
  return card;
}

/** Once, at the moment when the written card is about to be read back. */
function atVerifying(rig: EngineRig, act: () => void): void {
  const stop = rig.engine.jobs.onProgress((_job, { step }) => {
    if (step !== "verifying") return;
    stop();
    act();
  });
}

test("a wish of the cloud becomes a card: intent before the write, read back, told upward", async () => {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  expect(rig.state(A)).toBe("waiting_to_be_issued");
  const card = rig.put();
  const outcome = await rig.job("encode", A);
  expect(outcome).toMatchObject({
    status: "success",
    result: { acs_credential_id: A, is_issued: true, card_number: rig.row(A).cardCredentialId, warnings: [] },
  });
  expect(rig.row(A).record?.context).toMatchObject({
    generation: 1,
    issued: { uid: uidOf(card), good: true },
    cards: [{ uid: uidOf(card), certainty: "written" }],
    job: null,
  });
  expect(rig.journal()).toEqual(["inventory", "planned", "planned", "intent", "issued", "attempt_finished"]);
  expect(rig.events()).toEqual(["acs_user.created", "acs_credential.issued"]);
});

test("a changed end date makes the card stale; writing it again makes it good, and emits reissued", async () => {
  const rig = await new EngineRig().ready();
  const card = await issued(rig);
  rig.feedCredential(A, { ends_at: "2026-12-01T11:00:00.000Z" });
  expect(rig.state(A)).toBe("needs_to_be_reissued");
  rig.feedCredential(A);
  expect(rig.state(A)).toBe("issued");
  rig.feedCredential(A, { ends_at: "2026-12-01T11:00:00.000Z" });
  rig.put(card);
  expect((await rig.job("encode", A)).status).toBe("success");
  expect(rig.state(A)).toBe("issued");
  expect(rig.row(A).record?.context.generation).toBe(2);
  expect(rig.events()).toEqual(["acs_credential.issued", "acs_credential.reissued"]);
});

test("names and users are not on the card: they change nothing", async () => {
  const rig = await new EngineRig().ready();
  await issued(rig);
  rig.feedUser();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  expect(rig.state(A)).toBe("issued");
});

test("revoked: invalidating while the card lives, invalidated when it is erased and read back", async () => {
  const rig = await new EngineRig().ready();
  const card = await issued(rig);
  rig.feedCredential(A, { state: "revoked" });
  expect(rig.state(A)).toBe("invalidating");
  expect(rig.engine.observe(rig.row(A))?.warnings).toMatchObject([
    { code: "being_deleted", message: expect.stringMatching(/opens until 2026-11-30T11:00/) as string },
  ]);
  rig.put(card);
  expect((await rig.job("erase")).status).toBe("success");
  expect(rig.state(A)).toBe("invalidated");
  expect(rig.events().at(-1)).toBe("acs_credential.invalidated");
  const scanned = await rig.job("scan");
  expect(scanned.result).toMatchObject({ acs_credential_on_encoder: null, acs_credential_on_seam: null });
});

test("revoked at its end date when the card never comes back", async () => {
  const rig = await new EngineRig().ready();
  await issued(rig);
  rig.feedCredential(A, { state: "revoked" });
  rig.clock.jumpTo(Date.parse("2026-11-30T11:00:01.000Z"));
  rig.engine.wake();
  expect(rig.state(A)).toBe("invalidated");
});

test("a scan says whose card it is, and that it is out of step", async () => {
  const rig = await new EngineRig().ready();
  const card = await issued(rig);
  rig.put(card);
  expect((await rig.job("scan")).result).toMatchObject({
    acs_credential_on_encoder: {
      card_number: rig.row(A).cardCredentialId,
      ends_at: "2026-11-30T11:00:00.000Z",
    },
    acs_credential_on_seam: { acs_credential_id: A },
    warnings: [],
  });
  rig.feedCredential(A, { ends_at: "2026-12-01T11:00:00.000Z" });
  expect((await rig.job("scan")).result).toMatchObject({
    warnings: [{ warning_code: "acs_credential_on_encoder_out_of_sync" }],
  });
});

test("another guest's valid card is not written over, unless told to; then the other credential is dead", async () => {
  const rig = await new EngineRig().ready();
  const card = await issued(rig);
  rig.feedCredential(B, { allowed_acs_entrance_ids: [SITE.room102] });
  rig.put(card);
  const refused = await rig.job("encode", B);
  expect(refused.error).toMatchObject({ type: "credential_cannot_be_reissued" });
  expect(refused.error?.message).toMatch(/opens 101 for another guest until 2026-11-30/);
  expect(rig.row(B).record?.context.generation).toBe(0);
  expect((await rig.job("encode", B, true)).status).toBe("success");
  expect([rig.state(A), rig.state(B)]).toEqual(["invalidated", "issued"]);
});

test("a card taken while writing is in doubt; put back, it is read first and settled without another write", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const card = rig.put();
  rig.simulator.faults.tearAfterWrites = 1;
  const torn = await rig.job("encode", A);
  expect(torn.error?.type).toBe("encoding_interrupted");
  expect(torn.error?.message).toMatch(/in doubt/);
  expect(rig.state(A)).toBe("in_doubt");
  rig.simulator.faults.tearAfterWrites = null;
  rig.put();
  const other = await rig.job("encode", A);
  expect(other.error?.message).toMatch(/put that card/);
  expect(rig.state(A)).toBe("in_doubt");
  rig.put(card);
  expect((await rig.job("encode", A)).status).toBe("success");
  expect(rig.row(A).record?.context).toMatchObject({ generation: 2, doubt: null });
});

test("a card that none of our keys opens proves nothing: the doubt stays", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const card = rig.put();
  rig.simulator.faults.tearAfterWrites = 1;
  await rig.job("encode", A);
  rig.simulator.faults.tearAfterWrites = null;
  card.read = () => "wrong_key";
  rig.put(card);
  expect((await rig.job("scan")).status).toBe("success");
  expect(rig.state(A)).toBe("in_doubt");
  expect((await rig.job("encode", A)).status).toBe("error");
  expect(rig.state(A)).toBe("in_doubt");
});

test("the process dies between intent and outcome: in doubt, never a rerun; a scan of the card settles it", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const card = rig.put();
  const attempt = rig.start("encode", A);
  rig.engine.onJournal(() => (rig.simulator.faults.isSilent = rig.state(A) === "issuing.writing"));
  await rig.clock.advance(100);
  expect(rig.state(A)).toBe("issuing.writing");
  rig.crash();
  rig.simulator.faults.isSilent = false;
  expect(rig.state(A)).toBe("in_doubt");
  expect(rig.store.attempts.get(attempt.id)).toMatchObject({
    status: "error",
    error: { type: "uncategorized_error" },
  });
  const late = rig.engine.jobs.get(attempt.id);
  expect(late).toBeUndefined();
  await rig.clock.advance(5_000);
  rig.put(card);
  await rig.job("scan");
  expect(["issued", "waiting_to_be_issued"]).toContain(rig.state(A));
});

test("no card in time, the wrong kind of card, no encoder: typed ends, and the credential is as it was", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  expect((await rig.job("encode", A)).error?.type).toBe("no_credential_on_encoder");
  rig.isPlugged = false;
  rig.lines.at(-1)?.unplug();
  await rig.clock.advance(100);
  expect((await rig.job("encode", A)).error?.type).toBe("encoder_not_online");
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("revoked while it waits for a card: the job ends, nothing is written", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const attempt = rig.start("encode", A);
  await rig.clock.advance(1_000);
  rig.feedCredential(A, { state: "revoked" });
  await rig.clock.advance(5_000);
  expect(rig.store.attempts.get(attempt.id)?.error?.type).toBe("credential_deleted");
  expect(rig.state(A)).toBe("invalidated");
  rig.put();
  expect((await rig.job("encode", A)).error?.type).toBe("credential_deleted");
  expect(rig.simulator.changes).toBe(0);
});

test("cancelled at the desk: says that the card was not changed", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const attempt = rig.start("encode", A);
  await rig.clock.advance(1_000);
  const outcome = await rig.clock.until(rig.engine.cancel(attempt.id), { msMax: 10_000 });
  expect(outcome?.error).toEqual({
    type: "uncategorized_error",
    message: "cancelled at the desk; the card was not changed",
  });
  await issued(rig, B);
});

test("revoked while the card is verified: the card counts as one that may open, until it is erased", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const card = rig.put();
  const attempt = rig.start("encode", A);
  atVerifying(rig, () => rig.feedCredential(A, { state: "revoked" }));
  await rig.clock.advance(10_000);
  expect(rig.store.attempts.get(attempt.id)?.status).toBe("error");
  expect(rig.state(A)).toBe("invalidating");
  expect(rig.row(A).record?.context).toMatchObject({ cards: [{ uid: uidOf(card), certainty: "maybe" }] });
  rig.put(card);
  expect((await rig.job("erase")).error).toBeNull();
  expect(rig.state(A)).toBe("invalidated");
});

test("cancelled while the card is verified: in doubt, and the card itself settles it without another write", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const card = rig.put();
  const attempt = rig.start("encode", A);
  atVerifying(rig, () => void rig.engine.cancel(attempt.id));
  await rig.clock.advance(10_000);
  expect(rig.store.attempts.get(attempt.id)?.error?.message).toMatch(/cancelled at the desk.*in doubt/);
  expect(rig.state(A)).toBe("in_doubt");
  const { changes } = rig.simulator;
  rig.put(card);
  expect((await rig.job("encode", A)).error).toBeNull();
  expect(rig.state(A)).toBe("issued");
  expect(rig.simulator.changes).toBe(changes);
});

test("jobs at one encoder run one after the other; the tenth is refused", async () => {
  const rig = await new EngineRig().ready();
  for (let n = 0; n < 9; n++) rig.start("scan");
  expect(() => rig.start("scan")).toThrow("queue_full");
  rig.put();
  await rig.clock.advance(60_000);
  expect(rig.store.attempts.pending()).toEqual([]);
});

test("a second encode of the same credential is refused while the first waits", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  rig.start("encode", A);
  expect((await rig.job("encode", A)).error?.message).toMatch(/being encoded already/);
  rig.put();
  await rig.clock.advance(5_000);
  expect(rig.state(A)).toBe("issued");
});

test("a reference that has not come blocks only its item, until it comes", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  expect(rig.row(A)).toMatchObject({ record: null, blocked: `missing:${SITE.user}` });
  rig.feedCredential(B);
  expect(rig.state(B)).toBe("waiting_to_be_issued");
  rig.feedUser();
  expect(rig.row(A).blocked).toBeNull();
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("a suspended user's credential keeps its card and cannot be written", async () => {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  rig.feedUser({ state: "suspended" });
  rig.put();
  expect((await rig.job("encode", A)).error?.message).toMatch(/suspended/);
  rig.feedUser();
  expect((await rig.job("encode", A)).status).toBe("success");
});

test("the offline limit holds: no card beyond it, scanning goes on", async () => {
  const rig = await new EngineRig({ offline: { ms: 72 * 3_600_000, keys: 1 } }).ready();
  rig.engine.offlineWork.start();
  await issued(rig, A);
  rig.feedCredential(B);
  rig.put();
  expect((await rig.job("encode", B)).error?.message).toMatch(/offline limit of 1 cards/);
  expect((await rig.job("scan")).status).toBe("success");
  rig.engine.offlineWork.setOnline(true);
  expect((await rig.job("encode", B)).status).toBe("success");
});

test("what the desk made while the cloud was there counts until the cloud has heard of it", async () => {
  const rig = await new EngineRig({ offline: { ms: 72 * 3_600_000, keys: 1 } }).ready();
  rig.engine.offlineWork.setOnline(true);
  const { spec, kind, code } = (rig.feedCredential(A), rig.row(A));
  rig.engine.localChange({ kind, id: A, spec, code }, {}, "test");
  rig.put();
  expect((await rig.job("encode", A)).status).toBe("success");
  expect((await rig.job("encode", A)).error?.message).toMatch(/offline limit/);
  rig.engine.offlineWork.accountedFor();
  expect((await rig.job("encode", A)).status).toBe("success");
});

test("on a full disk a job ends as soon as there is room to say how", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const attempt = rig.start("encode", A);
  await rig.clock.advance(1_000);
  const withRoom = { ...rig.store };
  Object.assign(rig.store, {
    transaction: () => {
      throw new Error("the disk is full");
    },
  });
  await rig.clock.advance(70_000);
  expect(rig.store.attempts.get(attempt.id)?.status).toBe("pending");
  Object.assign(rig.store, withRoom);
  await rig.clock.advance(6_000);
  expect(rig.store.attempts.get(attempt.id)?.error?.type).toBe("no_credential_on_encoder");
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("a vendor's system makes the card: intent first, its number after", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A, { acs_system_id: SITE.issuerSystem, allowed_acs_entrance_ids: [SITE.vaultRoom] });
  rig.simulator.hopper.push(Buffer.from("04112233445566", "hex"));
  const outcome = await rig.job("encode", A, false, SITE.issuer);
  expect(outcome).toMatchObject({ status: "success", result: { is_issued: true } });
  expect(rig.journal()).toContain("intent");
});

test("without a trusted clock nothing expires, and what is written down has the best known time", async () => {
  const rig = await new EngineRig({ certain: 0 }).ready();
  rig.feedCredential(A, { ends_at: "2026-11-22T13:00:00.000Z" });
  rig.put();
  expect((await rig.job("encode", A)).result).toMatchObject({
    issued_at: expect.stringMatching(/^2026-11-22T14:00/) as string,
  });
  rig.engine.wake();
  expect(rig.row(A).record?.context.cards).toHaveLength(1);
});

test("an entrance keeps its number while cards carry it", async () => {
  const rig = await new EngineRig().ready();
  await issued(rig);
  const renumbered = (id: string) =>
    renumberedEntrances(rig.store, [{ id, door: 999, zone: null }]).map(({ key }) => key);
  expect(renumbered(SITE.room101)).toEqual(["room-101"]);
  expect(renumbered(SITE.room102)).toEqual([]);
  expect(renumberedEntrances(rig.store, [{ id: SITE.room101, door: 101, zone: null }])).toEqual([]);
});

test("a PIN credential without a keypad to put it on is refused, visibly; denied, it goes", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A, { access_method: "code", has_code: true });
  expect(rig.row(A)).toMatchObject({ record: null, blocked: "refused" });
  expect(rig.journal().at(-1)).toBe("blocked");
  rig.feedCredential(A, { access_method: "code", has_code: true, state: "deleted" });
  expect(rig.row(A)).toMatchObject({ gone: true, blocked: null });
  expect(rig.journal()).toContain("deleted");
});
