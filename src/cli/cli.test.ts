import type { acsCredential, acsUser, actionAttempt } from "#src/api/schemas/objects";
import type { z } from "zod";
import { afterEach, beforeEach, expect, test } from "vitest";
import { credentialsList } from "#src/api/schemas/credentials";
import {
  credentialsEnrolBadge,
  credentialsRevoke,
  credentialsSettle,
  deskCredentialGet,
  deskEncode,
  deskErase,
  devicesIdentify,
  jobsCancel,
  simulateCard,
  statusGet,
} from "#src/api/schemas/desk";
import { scanCredential } from "#src/api/schemas/encoders";
import { portsFound } from "#src/api/schemas/ports";
import {
  keysCreate,
  keysImport,
  keysList,
  tokensCreate,
  tokensDelete,
  tokensList,
} from "#src/api/schemas/secrets";
import { usersList } from "#src/api/schemas/users";
import { type FakeDaemon, Refusal, startFakeDaemon } from "#test/support/fake-daemon";
import { typed, type Typed } from "#test/support/typed";
import type { CliEdge } from "./context.js";
import { EXIT, refused } from "./exit-codes.js";

const CREDENTIAL = "0190a1b2-0000-7000-8000-000000000001";
const OTHER = "0190a1b2-0000-7000-8000-000000000002";
const ENCODER = "4c1f6d2e-1111-5aaa-8bbb-000000000001";
const ATTEMPT = "0190a1b2-0000-7000-8000-0000000000aa";
const USER = "0190a1b2-0000-7000-8000-0000000000bb";
const SYSTEM = "4c1f6d2e-1111-5aaa-8bbb-00000000000f";
const NOW = "2026-11-22T14:00:00.000Z";

const credential: z.input<typeof acsCredential> = {
  acs_credential_id: CREDENTIAL,
  acs_system_id: SYSTEM,
  acs_user_id: USER,
  access_method: "card",
  display_name: "101",
  ends_at: "2026-11-25T11:00:00.000Z",
  is_issued: false,
  is_managed: true,
  is_latest_desired_state_synced_with_provider: false,
  errors: [],
  warnings: [
    { warning_code: "waiting_to_be_issued", message: "Waiting to be encoded onto a card.", created_at: NOW },
  ],
  created_at: NOW,
};
const issued: typeof credential = {
  ...credential,
  is_issued: true,
  card_number: "1122334455667788",
  warnings: [],
};
const user: z.input<typeof acsUser> = {
  acs_user_id: USER,
  acs_system_id: SYSTEM,
  display_name: "Ada Lovelace",
  is_managed: true,
  errors: [],
  warnings: [],
  created_at: NOW,
};
const encoder = { acs_encoder_id: ENCODER, key: "front-desk", name: "Front desk", is_online: true, jobs: [] };
const device = {
  key: "desk",
  driver: "pn532",
  port: "/dev/ttyUSB0",
  state: "backing_off",
  identity: { model: "PN532", firmware: "1.6", serial: null },
  units: [{ key: "main", capabilities: ["cardWriter"] }],
  since: NOW,
  problem: { code: "device.silent", message: "the device does not answer", advice: "see that it has power" },
  next_try_ms: 500,
};
const life = {
  acs_credential: credential,
  state: "waiting_to_be_issued",
  generation: 0,
  denied: null,
  blocked: null,
  is_provisional: false,
  doubt: null as { generation: number; uid: string } | null,
  live_cards: [] as { generation: number; uid: string; certainty: string; valid_until: string | null }[],
};
const attempt: z.input<typeof actionAttempt> = {
  action_attempt_id: ATTEMPT,
  action_type: "ENCODE_CREDENTIAL",
  status: "pending",
  result: null,
  error: null,
};
const page = { has_next_page: false, next_page_cursor: null, next_page_url: null };
const ok = true as const;

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await startFakeDaemon();
  daemon.on(statusGet, () => ({ status: { devices: [device], encoders: [encoder] }, ok }));
  daemon.on(portsFound, () => ({ ports: [], ok }));
  daemon.on(credentialsList, () => ({ acs_credentials: [], pagination: page, ok }));
  daemon.on(usersList, () => ({ acs_users: [], pagination: page, ok }));
  daemon.on(deskCredentialGet, () => ({ credential: life, ok }));
  daemon.on(deskEncode, () => ({ action_attempt: attempt, ok }));
});
afterEach(() => daemon.close());

/** Runs one command line against the daemon of this test. */
function run(words: readonly string[], edge: Partial<CliEdge> = {}): Promise<Typed> {
  return typed(words, {
    socketPath: daemon.socketPath,
    configPath: "/etc/lockbridge/lockbridge.yaml",
    checkConfig: () => Promise.resolve({ problems: [], notes: [] }),
    runGateway: () => Promise.resolve(0),
    ...edge,
  });
}

const lines = (text: string) => text.split("\n").filter((line) => line !== "");
const objects = (text: string) => lines(text).map((line) => JSON.parse(line) as unknown);

/** A job that tells its steps and ends so. */
function jobEndsWith(end: {
  readonly result?: object;
  readonly error?: { type: string; message: string };
}): void {
  daemon.onStream((stream) => {
    stream.progress({
      step: "waiting_for_card",
      say: "Put one card on the encoder.",
      facts: {},
      action_attempt: null,
    });
    stream.progress({
      step: "card_seen",
      say: "Card seen.",
      facts: { uid: "04a1b2c3", technology: "ntag213" },
      action_attempt: null,
    });
    stream.progress({
      step: "done",
      say: "Done.",
      facts: {},
      action_attempt: {
        ...attempt,
        status: end.error === undefined ? "success" : "error",
        result: { ...end.result },
        error: end.error ?? null,
      },
    });
    stream.end();
  });
}

// ── Encode ───────────────────────────────────────────────────────────────────────────────────────────────────────

test("encode says every step, and what the card is at the end", async () => {
  jobEndsWith({ result: issued });
  const { code, out } = await run(["encode", CREDENTIAL, "--encoder", "front-desk"]);
  expect(code).toBe(EXIT.ok);
  expect(lines(out).slice(0, 2)).toEqual(["Put one card on the encoder.", "Card seen. (ntag213 04a1b2c3)"]);
  expect(lines(out)[2]).toMatch(
    /^Done: the card is written and checked\. Card number 1122334455667788, valid until 2026-11-25/,
  );
  expect(daemon.calls.at(-1)).toEqual({
    path: "/lockbridge/encoders/encode_credential",
    input: { acs_encoder_id: ENCODER, acs_credential_id: CREDENTIAL, overwrite: false, except_card_uids: [] },
  });
});

test("a person who takes more than five seconds to find a card sees it made", async () => {
  daemon.onStream(async (stream) => {
    stream.progress({ step: "waiting_for_card", say: "Put one card.", facts: {}, action_attempt: null });
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    const action_attempt = { ...attempt, status: "success" as const, result: { ...issued }, error: null };
    stream.progress({ step: "done", say: "Done.", facts: {}, action_attempt });
    stream.end();
  });
  const { code, error } = await run(["encode", CREDENTIAL, "--encoder", "front-desk"]);
  expect([code, error]).toEqual([EXIT.ok, ""]);
});

test("encode --json is one object a line and nothing else", async () => {
  jobEndsWith({ result: issued });
  const { code, out, error } = await run(["encode", CREDENTIAL, "--json"]);
  expect(code).toBe(EXIT.ok);
  expect(error).toBe("");
  expect(objects(out)).toMatchObject([
    { step: "waiting_for_card" },
    { step: "card_seen", facts: { uid: "04a1b2c3" } },
    { action_attempt: { status: "success", result: { card_number: "1122334455667788" } } },
  ]);
});

test("a job that fails says why, on stderr, with exit code 1", async () => {
  jobEndsWith({
    error: {
      type: "no_credential_on_encoder",
      message: "no card came [card.absent]; the card was not changed",
    },
  });
  const { code, error } = await run(["encode", CREDENTIAL]);
  expect(code).toBe(EXIT.failed);
  expect(error).toBe("No card came [card.absent]; the card was not changed.\n");
});

test("a card in doubt has an exit code of its own", async () => {
  daemon.on(deskCredentialGet, () => ({ credential: { ...life, doubt: { generation: 1, uid: "04" } }, ok }));
  jobEndsWith({
    error: {
      type: "uncategorized_error",
      message: "the encoder went away; the card is in doubt: put it back",
    },
  });
  const { code, out } = await run(["encode", CREDENTIAL, "--json"]);
  expect(code).toBe(EXIT.inDoubt);
  expect(objects(out).at(-1)).toMatchObject({
    error: { type: "uncategorized_error" },
    exit_code: EXIT.inDoubt,
  });
});

test("an attempt that is refused at once is not waited for", async () => {
  const error = { type: "encoder_not_online", message: "it is not connected" };
  const ended: typeof attempt = { ...attempt, status: "error", error };
  daemon.on(deskEncode, () => ({ action_attempt: ended, ok }));
  const said = await run(["encode", CREDENTIAL]);
  expect([said.code, said.error]).toEqual([EXIT.failed, "It is not connected.\n"]);
});

test("another guest's card names the way to write over it", async () => {
  jobEndsWith({
    error: { type: "credential_cannot_be_reissued", message: "this card opens 101 for another guest" },
  });
  expect((await run(["encode", CREDENTIAL])).error).toContain("add --overwrite");
  jobEndsWith({ result: issued });
  await run(["encode", CREDENTIAL, "--overwrite"]);
  expect(daemon.calls.at(-1)).toMatchObject({ input: { overwrite: true } });
});

/** Presses Ctrl-C when the job has said that it waits. */
function interrupter(): Pick<CliEdge, "onInterrupt"> & { press: () => void; isListening: () => boolean } {
  let pressed: (() => void) | undefined;
  return {
    onInterrupt(listener) {
      pressed = listener;
      return () => (pressed = undefined);
    },
    press: () => pressed?.(),
    isListening: () => pressed !== undefined,
  };
}

test("Ctrl-C cancels the job and says what state the card is in", async () => {
  const ctrlC = interrupter();
  let isCancelled = (): void => undefined;
  const cancelled = new Promise<void>((resolve) => (isCancelled = resolve));
  daemon.on(jobsCancel, () => {
    isCancelled();
    return { outcome: { state: "error", message: "cancelled at the desk; the card was not changed" }, ok };
  });
  daemon.onStream(async (stream) => {
    stream.progress({
      step: "waiting_for_card",
      say: "Put one card on the encoder.",
      facts: {},
      action_attempt: null,
    });
    ctrlC.press();
    await cancelled;
    stream.progress({
      step: "done",
      say: "Done.",
      facts: {},
      action_attempt: {
        ...attempt,
        status: "error",
        error: { type: "uncategorized_error", message: "cancelled" },
      },
    });
    stream.end();
  });
  const { code, error } = await run(["encode", CREDENTIAL], { onInterrupt: ctrlC.onInterrupt });
  expect(code).toBe(EXIT.cancelled);
  expect(lines(error)).toEqual([
    "Cancelling … (Ctrl-C again to stop watching)",
    "Cancelled at the desk; the card was not changed.",
  ]);
  expect(daemon.calls.find(({ path }) => path.endsWith("/cancel"))?.path).toBe(
    `/lockbridge/jobs/${ATTEMPT}/cancel`,
  );
  expect(ctrlC.isListening()).toBe(false);
});

test("Ctrl-C in the middle of writing tells of the doubt", async () => {
  const ctrlC = interrupter();
  daemon.on(deskCredentialGet, () => ({ credential: { ...life, doubt: { generation: 1, uid: "04" } }, ok }));
  daemon.on(jobsCancel, () => ({
    outcome: { state: "error", message: "cancelled; the card is in doubt: put it back" },
    ok,
  }));
  daemon.onStream((stream) => {
    ctrlC.press();
    stream.end();
  });
  const { code, error } = await run(["encode", CREDENTIAL], { onInterrupt: ctrlC.onInterrupt });
  expect(code).toBe(EXIT.inDoubt);
  expect(error).toContain("in doubt");
});

test("Ctrl-C that comes too late changes nothing", async () => {
  const ctrlC = interrupter();
  daemon.on(jobsCancel, () => {
    throw new Refusal(404, "action_attempt_not_found", "No job of this id is known here.");
  });
  jobEndsWith({ result: issued });
  const pressing: Partial<CliEdge> = {
    onInterrupt(listener) {
      queueMicrotask(listener);
      return ctrlC.onInterrupt(listener);
    },
  };
  const { code, out, error } = await run(["encode", CREDENTIAL], pressing);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain("Done: the card is written");
  expect(error).toContain("No job of this id");
});

test("a second Ctrl-C stops watching a daemon that answers nothing", async () => {
  const ctrlC = interrupter();
  daemon.onSilence("/lockbridge/jobs/[^/]+/cancel");
  daemon.onStream(() => {
    ctrlC.press();
    ctrlC.press();
  });
  const { code, error } = await run(["encode", CREDENTIAL], { onInterrupt: ctrlC.onInterrupt });
  expect(code).toBe(EXIT.cancelled);
  expect(lines(error).at(-1)).toMatch(/^Stopped watching\. .*credential's state\.$/);
});

test.each([
  ["ends", (stream: { end(): void }) => stream.end()],
  ["breaks", (stream: { cut(): void }) => stream.cut()],
])("a stream that %s before the job is no success", async (_what, stop) => {
  daemon.onStream(stop);
  const { code, error } = await run(["encode", CREDENTIAL]);
  expect(code).toBe(EXIT.unreachable);
  expect(error).not.toContain("    at ");
});

test("a stream of something else is an error, not a crash", async () => {
  daemon.onStream((stream) => {
    stream.raw('data: {"step":"dancing"}\n\n');
    stream.end();
  });
  const { code, error } = await run(["encode", CREDENTIAL]);
  expect(code).toBe(EXIT.failed);
  expect(error).toContain("is not understood");
});

// ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────

test.each(["front-desk", "Front desk", "FRONT DESK", "front", ENCODER, ENCODER.slice(0, 6)])(
  "an encoder may be called %s",
  async (name) => {
    jobEndsWith({ result: issued });
    expect((await run(["encode", CREDENTIAL, "--encoder", name])).code).toBe(EXIT.ok);
  },
);

test("a name that fits two encoders is refused, and both are named; an exact one wins", async () => {
  const bar = { ...encoder, acs_encoder_id: ENCODER.replace("4c", "5d"), key: "front", name: "Bar" };
  daemon.on(statusGet, () => ({ status: { devices: [], encoders: [encoder, bar] }, ok }));
  jobEndsWith({ result: issued });
  const several = await run(["encode", CREDENTIAL, "--encoder", "fron"]);
  expect(several.code).toBe(EXIT.refused);
  expect(several.error).toContain("Bar");
  expect(several.error).toContain("Front desk");
  expect((await run(["encode", CREDENTIAL, "--encoder", "front"])).code).toBe(EXIT.ok);
  expect((await run(["encode", CREDENTIAL])).error).toContain("Name the encoder with --encoder");
  expect((await run(["encode", CREDENTIAL, "--encoder", "roof"])).error).toContain(
    'There is no encoder "roof"',
  );
});

test("a credential may be named by the beginning of its id or by its person", async () => {
  daemon.on(credentialsList, ({ search, acs_user_id }) => ({
    acs_credentials: search?.startsWith("0190a1b2") === true || acs_user_id !== undefined ? [issued] : [],
    pagination: page,
    ok,
  }));
  daemon.on(usersList, ({ search }) => ({ acs_users: search === "ada" ? [user] : [], pagination: page, ok }));
  for (const name of ["0190a1b2", "ada"]) {
    jobEndsWith({ result: issued });
    const { code, error } = await run(["encode", name]);
    expect([name, code, error]).toEqual([name, EXIT.ok, ""]);
    expect(daemon.calls.at(-1)).toMatchObject({ input: { acs_credential_id: CREDENTIAL } });
  }
  const unknown = await run(["encode", "nobody"]);
  expect([unknown.code, unknown.error]).toEqual([EXIT.refused, 'There is no credential "nobody".\n']);
});

test("a person with two credentials is asked which", async () => {
  daemon.on(usersList, () => ({ acs_users: [user], pagination: page, ok }));
  daemon.on(credentialsList, ({ acs_user_id }) => ({
    acs_credentials:
      acs_user_id === undefined
        ? []
        : [credential, { ...credential, acs_credential_id: OTHER, display_name: "Pool" }],
    pagination: page,
    ok,
  }));
  const { code, error } = await run(["encode", "Ada"]);
  expect(code).toBe(EXIT.refused);
  expect(error).toContain(CREDENTIAL);
  expect(error).toContain(`${OTHER}  Pool  waiting to be issued`);
});

// ── Other work ───────────────────────────────────────────────────────────────────────────────────────────────────

test("a device is found by its blinking, or it is said why it cannot", async () => {
  daemon.on(devicesIdentify, () => ({ units: ["main"], ok: true as const }));
  const { code, error } = await run(["devices", "identify", "desk"]);
  expect([code, error]).toEqual([EXIT.ok, "desk has blinked or beeped.\n"]);
  expect(daemon.calls.at(-1)).toMatchObject({ input: { device: "desk" } });
  daemon.on(devicesIdentify, () => {
    throw new Refusal(409, "device_cannot_identify", '"desk" cannot show itself: it is not connected.');
  });
  expect(await run(["devices", "identify", "desk"])).toMatchObject({
    code: EXIT.refused,
    error: expect.stringContaining("it is not connected") as string,
  });
});

test("devices shows what is there and what is wrong", async () => {
  const { code, out } = await run(["devices"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toMatch(/^DEVICE +DRIVER +STATE/);
  expect(out).toMatch(
    /the device does not answer +in 1 s\n +see that it has power\n +since 2026-11-2\d \d\d:00 \[device\.silent\]/,
  );
  expect(out).toMatch(/front-desk +Front desk +yes/);
  expect(objects((await run(["devices", "--json"])).out)).toMatchObject([
    { key: "desk", problem: { code: "device.silent" }, since: NOW, next_try_ms: 500 },
    { key: "front-desk" },
  ]);
});

test("devices shows what is wrong with single readers of a line that works", async () => {
  const message = "no secure channel: it has another key";
  const line = {
    ...device,
    key: "bus",
    state: "ready",
    problem: null,
    next_try_ms: null,
    troubles: [{ unit: "pool", code: "device.wrong", message }],
  };
  daemon.on(statusGet, () => ({ status: { devices: [line], encoders: [] }, ok }));
  expect((await run(["devices"])).out).toContain(`pool: ${message}`);
});

test("credentials are listed over pages, up to the limit", async () => {
  daemon.on(credentialsList, ({ page_cursor, limit }) => ({
    acs_credentials: [
      { ...credential, display_name: `${page_cursor === undefined ? "first" : "second"} of ${limit}` },
    ],
    pagination: {
      ...page,
      has_next_page: true,
      next_page_cursor: "eyJjIjoxLCJpIjoiMDE5MGExYjItMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAxIn0",
    },
    ok,
  }));
  const { code, error, out } = await run(["credentials", "list", "--limit", "1", "--json"]);
  expect([code, objects(out)]).toMatchObject([EXIT.ok, [{ display_name: "first of 1" }]]);
  expect(error).toContain("There are more");
  expect((await run(["credentials", "--limit", "none"])).code).toBe(EXIT.refused);
});

test("credentials get shows the life that Seam does not", async () => {
  const card = { generation: 2, uid: "04a1", certainty: "maybe", valid_until: null };
  daemon.on(deskCredentialGet, () => ({
    credential: { ...life, state: "in_doubt", live_cards: [card] },
    ok,
  }));
  const { out } = await run(["credentials", "get", CREDENTIAL]);
  expect(lines(out)).toEqual([
    expect.stringMatching(/^101 {2}card {2}valid until 2026-11-25/),
    "State: in doubt",
    "Waiting to be encoded onto a card.",
    "Card 2  04a1  without end  perhaps written",
  ]);
});

test("revoke says what still opens doors", async () => {
  const card = { generation: 1, uid: "04a1", certainty: "written", valid_until: "2026-11-25T11:00:00.000Z" };
  daemon.on(credentialsRevoke, () => ({ credential: { ...life, live_cards: [card] }, ok }));
  expect((await run(["credentials", "revoke", CREDENTIAL])).out).toMatch(
    /put one on the encoder and erase it[^]*Card 1 {2}04a1 {2}until 2026/,
  );
  daemon.on(credentialsRevoke, () => ({ credential: life, ok }));
  expect((await run(["credentials", "revoke", CREDENTIAL])).out).toBe("Revoked. No card of it is alive.\n");
});

test.each([
  [
    "a blank card",
    { acs_credential_on_encoder: null, acs_credential_on_seam: null, warnings: [] },
    "The card is blank.\n",
  ],
  [
    "a foreign card",
    {
      acs_credential_on_encoder: { card_number: null, starts_at: null, ends_at: null },
      acs_credential_on_seam: null,
      warnings: [{ warning_message: "No credential here matches what is on this card." }],
    },
    "The card cannot be read here.\nNo credential here matches what is on this card.\n",
  ],
  [
    "an unreadable card",
    {
      acs_credential_on_encoder: {
        card_number: null,
        starts_at: null,
        ends_at: null,
        lockbridge_metadata: {
          state: "foreign",
          message: "None of this site's keys opens the card.",
          holder: null,
        },
      },
      acs_credential_on_seam: null,
      warnings: [{ warning_message: "No credential here matches what is on this card." }],
    },
    "The card cannot be read here.\nNone of this site's keys opens the card.\nNo credential here matches what is on this card.\n",
  ],
  [
    "a revoked card",
    {
      acs_credential_on_encoder: {
        card_number: "164d29dc",
        starts_at: null,
        ends_at: null,
        lockbridge_metadata: {
          state: "revoked",
          message: "It was revoked. It has no end date: erase it.",
          holder: "Ada",
        },
      },
      acs_credential_on_seam: { acs_credential_id: CREDENTIAL, display_name: "101" },
      warnings: [{ warning_message: "The credential was revoked after this card was made." }],
    },
    `Card number 164d29dc, valid without end.\nIt is Ada's card for 101 (${CREDENTIAL}).\nIt was revoked. It has no end date: erase it.\nThe credential was revoked after this card was made.\n`,
  ],
  [
    "a badge",
    {
      acs_credential_on_encoder: {
        card_number: "101-1337",
        starts_at: null,
        ends_at: null,
        lockbridge_metadata: { state: "valid", message: "It is valid.", holder: "Ada", badge: {} },
      },
      acs_credential_on_seam: { acs_credential_id: CREDENTIAL, display_name: "Card" },
      warnings: [],
    },
    `Card number 101-1337.\nIt is Ada's card for Card (${CREDENTIAL}).\nIt is valid.\n`,
  ],
])("scan tells of %s", async (_what, result, words) => {
  daemon.on(scanCredential, () => ({ action_attempt: attempt, ok }));
  jobEndsWith({ result });
  const { code, out } = await run(["scan"]);
  expect([code, out.split("\n").slice(2).join("\n")]).toEqual([EXIT.ok, words]);
});

test("credentials badge takes a printed number, and nothing else", async () => {
  daemon.on(credentialsEnrolBadge, () => ({ credential: life, ok }));
  const { code, out } = await run(["credentials", "badge", CREDENTIAL, "101-1337", "--format", "H10301"]);
  expect([code, out]).toEqual([EXIT.ok, "Badge 101-1337 is the credential's card now.\n"]);
  expect(daemon.calls.at(-1)).toMatchObject({
    input: { format: "H10301", facility_code: 101, number: 1_337, overwrite: false },
  });
  await run(["credentials", "badge", CREDENTIAL, "1337", "--overwrite"]);
  expect(daemon.calls.at(-1)).toMatchObject({
    input: { facility_code: null, number: 1_337, overwrite: true },
  });
  const refused = await run(["credentials", "badge", CREDENTIAL, "101 1337"]);
  expect([refused.code, refused.error]).toEqual([
    EXIT.refused,
    'A badge\'s number is like 101-1337, or like 1337, not "101 1337".\n',
  ]);
});

test("erase makes a card blank; torn in the middle it is in doubt", async () => {
  daemon.on(deskErase, () => ({ action_attempt: { ...attempt, action_type: "ERASE_CARD" }, ok }));
  jobEndsWith({ result: { uid: "04a1", acs_credential_ids: [] } });
  expect(lines((await run(["erase"])).out).at(-1)).toBe("The card is blank.");
  jobEndsWith({
    error: { type: "encoding_interrupted", message: "the card was taken; the card is in doubt" },
  });
  expect((await run(["erase"])).code).toBe(EXIT.inDoubt);
});

test("settle takes the card in doubt, or asks which", async () => {
  daemon.on(credentialsSettle, () => ({ credential: life, ok }));
  daemon.on(deskCredentialGet, () => ({ credential: { ...life, doubt: { generation: 7, uid: "04" } }, ok }));
  expect((await run(["settle", CREDENTIAL])).out).toBe("Card 7 counts as destroyed.\n");
  expect(daemon.calls.at(-1)).toMatchObject({ input: { generation: 7 } });

  const live = [1, 2].map((generation) => ({
    generation,
    uid: null,
    certainty: "written",
    valid_until: null,
  }));
  daemon.on(deskCredentialGet, () => ({ credential: { ...life, live_cards: live }, ok }));
  expect((await run(["settle", CREDENTIAL])).error).toContain("say which with --generation");
  expect((await run(["settle", CREDENTIAL, "--generation", "2"])).code).toBe(EXIT.ok);
  expect((await run(["settle", CREDENTIAL, "--generation", "-1"])).code).toBe(EXIT.refused);

  daemon.on(deskCredentialGet, () => ({ credential: life, ok }));
  expect((await run(["settle", CREDENTIAL])).error).toContain("no card that is alive");
});

test("jobs cancel says what state the card is in", async () => {
  daemon.on(jobsCancel, () => ({
    outcome: { state: "error", message: "cancelled; the card was not changed" },
    ok,
  }));
  expect((await run(["jobs", "cancel", ATTEMPT])).out).toBe("Cancelled; the card was not changed.\n");
});

test("key sets are listed, made and imported, and no message holds a key", async () => {
  const set = { version: 1, created_at: NOW, is_current: true };
  daemon.on(keysList, () => ({ key_sets: [set], ok }));
  daemon.on(keysCreate, () => ({ key_set: set, ok }));
  daemon.on(keysImport, () => ({ key_set: set, ok }));
  expect((await run(["keys"])).out).toContain("writing and reading");
  expect((await run(["keys", "create"])).out).toBe("Cards are written with key set 1 from now on.\n");

  const file = (text: string) => ({ readSecretText: () => text });
  const good = { issuer: "0badcafe", card_master: "00112233445566778899aabbccddeeff" };
  expect((await run(["keys", "import", "/k.json"], file(JSON.stringify(good)))).code).toBe(EXIT.ok);
  for (const text of ["{cafe1234", JSON.stringify({ ...good, card_master: "cafe1234" }), "[]"]) {
    const { code, out, error } = await run(["keys", "import", "/k.json"], file(text));
    expect(code).toBe(EXIT.refused);
    expect(error).toMatch(/^The key file is /);
    expect(out + error).not.toContain("cafe1234");
  }
  const shared = {
    readSecretText: () => {
      throw refused("/k.json is open to others");
    },
  };
  expect((await run(["keys", "import", "/k.json"], shared)).code).toBe(EXIT.refused);
});

test("a token is shown once, alone on its line", async () => {
  daemon.on(tokensCreate, () => ({ token: { token_id: "t1", token: "seam_lbabc" }, ok }));
  daemon.on(tokensList, () => ({ tokens: [{ id: "t1", name: "app", role: "viewer", created_at: NOW }], ok }));
  daemon.on(tokensDelete, () => ({ ok }));
  const { out, error } = await run(["tokens", "create", "app", "--role", "technician"]);
  expect(out).toBe("seam_lbabc\n");
  expect(error).toContain("cannot be shown again");
  expect((await run(["tokens"])).out).toMatch(/app +viewer/);
  expect((await run(["tokens", "delete", "t1"])).code).toBe(EXIT.ok);
  expect((await run(["tokens", "create", "app", "--role", "king"])).code).toBe(EXIT.refused);
  expect((await run(["tokens", "create", "app"])).code).toBe(EXIT.usage);
});

test("simulated cards are put on and taken away", async () => {
  daemon.on(simulateCard, ({ put }) => ({ card: put === undefined ? null : { uid: "04a1" }, ok }));
  expect((await run(["simulate", "card", "--encoder", "front-desk", "--put", "ntag213"])).out).toBe(
    "Card 04a1 is on the encoder.\n",
  );
  expect((await run(["simulate", "card", "--take"])).out).toBe("The card is taken away.\n");
});

// ── Commands without a daemon ────────────────────────────────────────────────────────────────────────────────────

test("check-config prints every problem with its place", async () => {
  const checkConfig = () =>
    Promise.resolve({
      problems: [
        { line: 3, column: 5, message: 'unknown key "nmae"', suggestion: 'did you mean "name"?' },
        { line: 9, column: 1, message: '"site" is missing' },
      ],
      notes: [],
    });
  const { code, out } = await run(["check-config", "/x.yaml"], { checkConfig });
  expect(code).toBe(EXIT.refused);
  expect(lines(out)).toEqual([
    '/x.yaml:3:5 unknown key "nmae"; did you mean "name"?',
    '/x.yaml:9:1 "site" is missing',
  ]);
  const json = await run(["check-config", "/x.yaml", "--json"], { checkConfig });
  expect(objects(json.out)).toMatchObject([{ file: "/x.yaml", line: 3, severity: "error" }, { line: 9 }]);
  expect((await run(["check-config"])).out).toBe(
    "/etc/lockbridge/lockbridge.yaml: good. Restart the service to apply it.\n",
  );
});

test("run and demo are handed their options, and end with their exit code", async () => {
  const given: unknown[] = [];
  const edge = {
    runGateway: (options: unknown) => Promise.resolve(given.push(options)),
    runDemo: (options: unknown) => Promise.resolve(given.push(options)),
  };
  expect((await run(["run", "--config", "/c.yaml"], edge)).code).toBe(1);
  expect((await run(["demo", "--once", "--json", "--port", "0"], edge)).code).toBe(2);
  expect((await run(["demo", "--encoder", "twn4"], edge)).code).toBe(3);
  expect(given).toEqual([
    { configPath: "/c.yaml" },
    { once: true, json: true, port: 0, encoder: undefined },
    { once: false, json: false, port: undefined, encoder: "twn4" },
  ]);
  expect((await run(["demo", "--port", "70000"])).code).toBe(EXIT.refused);
});

// ── When it cannot ───────────────────────────────────────────────────────────────────────────────────────────────

test("no daemon: one sentence and exit code 3", async () => {
  const { code, error } = await run(["devices", "--socket", "/nowhere/sock"]);
  expect(code).toBe(EXIT.unreachable);
  expect(lines(error)).toHaveLength(1);
  expect(error).toContain("Nothing answers as the daemon at /nowhere/sock");
});

test.each([
  [400, "invalid_input", EXIT.refused],
  [404, "acs_credential_not_found", EXIT.refused],
  [429, "too_many_requests", EXIT.refused],
  [500, "internal_server_error", EXIT.failed],
])("a %i answer (%s) ends with %i and its own words", async (status, type, exitCode) => {
  daemon.on(deskEncode, () => {
    throw new Refusal(status, type, "These are the words.");
  });
  const { code, error } = await run(["encode", CREDENTIAL]);
  expect([code, error]).toEqual([exitCode, "These are the words.\n"]);
  expect(objects((await run(["encode", CREDENTIAL, "--json"])).out)).toEqual([
    { error: { type, message: "These are the words." }, exit_code: exitCode },
  ]);
});

test.each([
  ["HTML", 200, "<html>"],
  ["another object", 200, '{"status":7,"ok":true}'],
  ["an error without words", 502, "bad gateway"],
])("an answer that is %s is an error in words", async (_what, status, body) => {
  daemon.onRaw("/lockbridge/status", status, body);
  const { code, error } = await run(["devices"]);
  expect(code).toBe(EXIT.failed);
  expect(lines(error)).toHaveLength(1);
});

test.each([[["dance"]], [["encode"]], [["devices", "--loud"]], [[]]])(
  "%j is not understood",
  async (words) => {
    const { code, error } = await run(words);
    expect(code).toBe(EXIT.usage);
    expect(error).not.toBe("");
  },
);

test("help and version are no mistakes", async () => {
  expect(await run(["--version"])).toEqual({ code: EXIT.ok, out: "1.2.3\n", error: "" });
  const { code, out } = await run(["encode", "--help"]);
  expect(code).toBe(EXIT.ok);
  expect(out).toContain("--overwrite");
});
