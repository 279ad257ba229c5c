import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import { credentialsGet } from "#src/api/schemas/credentials";
import { deskCredentialGet, deskEncode, statusGet } from "#src/api/schemas/desk";
import type { acsCredential, actionAttempt } from "#src/api/schemas/objects";
import { type FakeDaemon, Refusal, startFakeDaemon } from "#test/support/fake-daemon";
import { typed, type Typed } from "#test/support/typed";
import { EXIT } from "./exit-codes.js";

/** What a batch makes of each way in which a job can end; the fake daemon can end one in every way. */

const NOW = "2026-11-22T14:00:00.000Z";
const SYSTEM = "4c1f6d2e-1111-5aaa-8bbb-00000000000f";
const ENCODER = "4c1f6d2e-1111-5aaa-8bbb-000000000001";
const ids = [1, 2].map((n) => `0190a1b2-0000-7000-8000-00000000000${n}`);
const attempt: z.input<typeof actionAttempt> = {
  action_attempt_id: "0190a1b2-0000-7000-8000-0000000000aa",
  action_type: "ENCODE_CREDENTIAL",
  status: "pending",
  result: null,
  error: null,
};
const credential = (id: string): z.input<typeof acsCredential> => ({
  acs_credential_id: id,
  acs_system_id: SYSTEM,
  access_method: "card",
  display_name: "101",
  is_issued: false,
  is_managed: true,
  is_latest_desired_state_synced_with_provider: false,
  errors: [],
  warnings: [],
  created_at: NOW,
});

const ok = true as const;
type Failure = { readonly type: string; readonly message: string };
let daemon: FakeDaemon;
/** How the next jobs end; null, and each after the last: well. */
let ends: (Failure | null)[];
beforeEach(async () => {
  daemon = await startFakeDaemon();
  ends = [];
  const encoder = { acs_encoder_id: ENCODER, key: "desk", name: "Desk", is_online: true, jobs: [] };
  daemon.on(statusGet, () => ({ status: { devices: [], encoders: [encoder] }, ok }));
  daemon.on(credentialsGet, ({ acs_credential_id: id }) => ({
    acs_credential: credential(id),
    ok,
  }));
  daemon.on(deskCredentialGet, () => ({ credential: { doubt: null }, ok }));
  daemon.on(deskEncode, () => ({ action_attempt: attempt, ok }));
  daemon.onStream((stream) => {
    const error = ends.shift() ?? null;
    // A stripe has no number.
    stream.progress({ step: "card_seen", say: "Card read.", facts: {}, action_attempt: null });
    const action_attempt =
      error === null
        ? { ...attempt, status: "success" as const, result: { card_number: "1" } }
        : { ...attempt, status: "error" as const, error };
    stream.progress({ step: "done", say: "Done.", facts: {}, action_attempt });
    stream.end();
  });
});
afterEach(() => daemon.close());

const batch = (text = `credential\n${ids.join("\n")}\n`): Promise<Typed> =>
  typed(["encode", "--batch", "cards.csv"], { socketPath: daemon.socketPath, readText: () => text });
const jobs = () => daemon.calls.filter(({ path }) => path.endsWith("/encode_credential")).length;

test.each([
  [
    "of a finished card that is pulled through again",
    "this card opens 101 for another guest [another_guests_card]",
  ],
  ["of another kind", "use another kind of card [card.unwritable]; the card was not changed"],
])("a card %s is set aside, and the next one is asked for", async (_what, message) => {
  ends = [{ type: "incompatible_card_format", message }];
  const { code, error } = await batch();
  expect(code).toBe(EXIT.ok);
  expect(error).toContain("Set this card aside and put another one.");
  expect(error).toContain("2 written, 0 had their card, 0 failed, 0 not tried; 1 cards set aside.");
});

test.each([
  ["incompatible_card_format", "this site has no card keys: create or import them [no_keys]"],
  ["incompatible_card_format", "this system has no card profile for magnetic stripes [no_card_profile]"],
  [
    "uncategorized_error",
    "the offline limit of 200 cards is used up [offline_limit]; the card was not changed",
  ],
  ["uncategorized_error", "nobody has told this gateway the date yet [time_unknown]"],
  ["encoder_not_online", "there is no device at /dev/ttyUSB0 [port.missing]"],
])("what every further card would fail with as well ends the batch: %s, %s", async (type, message) => {
  ends = [{ type, message }];
  const { code, error } = await batch();
  expect([code, jobs()]).toEqual([EXIT.failed, 1]);
  expect(error).toContain("0 written, 0 had their card, 1 failed, 1 not tried; 0 cards set aside.");
  expect(error).toContain(message.slice(1));
});

test("a full disk ends the batch; a credential that cannot be encoded fails alone", async () => {
  ends = [{ type: "credential_cannot_be_reissued", message: "its end date has passed [expired]" }];
  const one = await batch();
  expect(one.error).toContain("1 written, 0 had their card, 1 failed, 0 not tried");
  daemon.on(deskEncode, () => {
    throw new Refusal(503, "storage_full", "The disk of the gateway is nearly full.");
  });
  const full = await batch();
  expect([full.code, full.error.includes("1 failed, 1 not tried")]).toEqual([EXIT.failed, true]);
});

test("a credential that is gone when its turn comes fails alone; a daemon that is gone ends the batch with a report", async () => {
  let asked = 0;
  daemon.on(credentialsGet, ({ acs_credential_id: id }) => {
    if (++asked === 3) throw new Refusal(404, "acs_credential_not_found", "There is no acs_credential.");
    return { acs_credential: credential(id), ok };
  });
  expect((await batch()).error).toContain("1 written, 0 had their card, 1 failed, 0 not tried");
  daemon.onStream((stream) => stream.cut());
  const cut = await batch();
  expect([cut.code, cut.error.includes("1 failed, 1 not tried")]).toEqual([EXIT.unreachable, true]);
});

test("a wrong file with a fault in every line says the first fifty", async () => {
  const text = `credential\n${`${ids[0]}\n`.repeat(100)}`;
  const { code, error } = await batch(text);
  expect(code).toBe(EXIT.refused);
  expect(error.split("\n").filter((line) => line.includes("the same credential as in line 2"))).toHaveLength(
    50,
  );
  expect(error).toContain("and 49 more lines");
});
