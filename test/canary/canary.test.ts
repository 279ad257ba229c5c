import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import { CanarySite, newPin } from "./canary-site.js";
import { startEvilBroker } from "./evil-broker.js";
import { startEvilCloud } from "./evil-cloud.js";
import { codesOnLocks } from "./lock-codes.js";
import { type Canary, Evidence, textCanary } from "./needles.js";
import { wrongInputs } from "./wrong-inputs.js";

/**
 * One gateway's life with secrets that are known, through every way in and out of it; then everything it said and
 * kept is searched for them. Not searched: answers that are there to give a secret to whoever may have it.
 */
const MINUTES_5 = 300_000;
const evidence = new Evidence();
const canaries: Canary[] = [];
let site: CanarySite;

function canaryPin(name: string): string {
  return canaryText(name, newPin());
}

function canaryText(name: string, text: string): string {
  canaries.push(textCanary(name, text));
  return text;
}

beforeAll(async () => {
  site = await CanarySite.create(evidence);
});
afterAll(() => site.close());

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** `isOpen`: the answer may hold the PIN, and is no evidence. */
async function ask(
  path: string,
  body: object,
  key: string,
  { isOpen = false, at = site.endpoint } = {},
): Promise<Answer> {
  const response = await fetch(`${at}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!isOpen || response.status !== 200) evidence.add(`answer ${path}`, text);
  return { status: response.status, body: text.startsWith("{") ? (JSON.parse(text) as Answer["body"]) : {} };
}

const look = async <T>(what: string, find: () => Promise<T | undefined>): Promise<T> => {
  for (let tries = 0; tries < 1_200; tries++) {
    const found = await find();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`in vain: ${what}`);
};

const idOf = ({ body, status }: Answer): string => {
  if (status !== 200) throw new Error(JSON.stringify(body));
  return (body["acs_credential"] as { acs_credential_id: string }).acs_credential_id;
};

test("a gateway's life, and not one secret in what it says and keeps", { timeout: MINUTES_5 }, async () => {
  const keys = { issuer: randomBytes(4), card_master: randomBytes(16) };
  canaries.push(
    { name: "issuer", bytes: keys.issuer },
    { name: "card master", bytes: keys.card_master },
    textCanary("cloud token", site.gatewayToken),
    textCanary("cloud app key", site.cloudKey),
    { name: "key of a reader", bytes: Buffer.from(site.readerKey, "hex") },
  );
  await site.start();
  canaries.push({
    name: "sealing key",
    bytes: Buffer.from(readFileSync(join(site.stateDir, "seal.key"), "utf8").trim(), "hex"),
  });

  await importKeys(keys);
  const apiKey = (await site.cli(["tokens", "create", "app", "--role", "admin"], { isSecret: true })).trim();
  const viewerKey = (
    await site.cli(["tokens", "create", "board", "--role", "viewer"], { isSecret: true })
  ).trim();
  canaries.push(textCanary("app token", apiKey), textCanary("viewer token", viewerKey));

  const id = await pinsByTheDesk(apiKey, viewerKey);
  await pinsByTheCloud(apiKey);
  await mistakes(apiKey);
  await codesOnLocks({ site, ask, look, keep: canaryText, apiKey, viewerKey });
  await cards(id, apiKey);
  await cloudTroubles(apiKey);
  await whatItTells(apiKey, viewerKey);
  await configMistakes();

  expect(await site.end("SIGUSR2")).not.toBe(0);
  site.collectFiles();
  await evilClouds();
  site.collectFiles();
  site.collectRows();

  const sizes = evidence.sizes();
  for (const kind of ["log", "stderr", "cli", "answer", "file", "rows"])
    expect([kind, (sizes[kind] ?? 0) > 1_000]).toEqual([kind, true]);
  expect(evidence.search(canaries)).toEqual([]);
});

async function importKeys({ issuer, card_master }: { issuer: Buffer; card_master: Buffer }): Promise<void> {
  const path = join(site.stateDir, "keys.json");
  const write = (text: string): void => writeFileSync(path, text, { mode: 0o600 });
  const good = JSON.stringify({ issuer: issuer.toString("hex"), card_master: card_master.toString("hex") });
  for (const bad of [
    good.slice(0, -3),
    good.replace(/"}$/, '00"}'),
    good.replace("issuer", "isuer"),
    `[${good}]`,
  ]) {
    write(bad);
    await site.cli(["keys", "import", path]);
  }
  write(good);
  expect(await site.cli(["keys", "import", path])).toContain("key set 1");
  await site.cli(["keys", "list", "--json"]);
}

async function pinsByTheDesk(apiKey: string, viewerKey: string): Promise<string> {
  const wish = { access_method: "card", allowed_acs_entrance_ids: [site.id("acs_entrance", "room-101")] };
  const code = canaryPin("PIN by the desk");
  const id = idOf(await ask("/acs/credentials/create", { ...wish, code }, apiKey, { isOpen: true }));
  const changed = canaryPin("PIN changed by the desk");
  await ask("/acs/credentials/update", { acs_credential_id: id, code: changed }, apiKey, { isOpen: true });
  // The verdict on the first change may come in between; the second one's follows.
  await look("the changed PIN stands", async () => {
    const { body } = await ask("/acs/credentials/get", { acs_credential_id: id }, apiKey, { isOpen: true });
    return JSON.stringify(body).includes(changed) ? true : undefined;
  });
  // A viewer's answers are evidence.
  await ask("/acs/credentials/get", { acs_credential_id: id }, viewerKey);
  await ask("/acs/credentials/list", {}, viewerKey);
  await ask("/acs/credentials/list", { search: changed }, viewerKey);
  return id;
}

async function pinsByTheCloud(apiKey: string): Promise<void> {
  const at = site.cloud.endpoint;
  await look("the cloud knows the site", () =>
    Promise.resolve(site.cloud.site.inventory.get().entrances.length > 0 ? true : undefined),
  );
  const wish = { access_method: "card", allowed_acs_entrance_ids: [site.id("acs_entrance", "room-101")] };
  const code = canaryPin("PIN by the feed");
  const id = idOf(
    await ask("/acs/credentials/create", { ...wish, code }, site.cloudKey, { isOpen: true, at }),
  );
  const arrives = (wanted: string) =>
    look("a PIN has come down the feed", async () => {
      const { body } = await ask("/acs/credentials/get", { acs_credential_id: id }, apiKey, { isOpen: true });
      return JSON.stringify(body).includes(wanted) ? true : undefined;
    });
  await arrives(code);
  const changed = canaryPin("PIN changed by the feed");
  await ask("/acs/credentials/update", { acs_credential_id: id, code: changed }, site.cloudKey, {
    isOpen: true,
    at,
  });
  await arrives(changed);
}

async function mistakes(apiKey: string): Promise<void> {
  for (const { what, path, method = "POST", headers = {}, body } of wrongInputs(
    canaryPin("PIN in a wrong place"),
  )) {
    const response = await fetch(`${site.endpoint}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    // Parameters that nobody knows are passed over; everything else is refused.
    const isPassedOver = what === "a PIN as the name of a parameter";
    expect([what, response.status < 500, response.ok]).toEqual([what, true, isPassedOver]);
    evidence.add(`answer to ${what}`, `${text}\n${JSON.stringify([...response.headers])}`);
  }
}

async function cards(id: string, apiKey: string): Promise<void> {
  const desk = site.id("acs_encoder", "desk");
  const { desk: hand } = site.hardware;
  const { simulator } = hand;
  if (!(simulator instanceof Pn532Simulator)) throw new Error("the faults are those of a PN532");
  const run = async (path: string, input: object): Promise<string> => {
    const { body } = await ask(path, { acs_encoder_id: desk, ...input }, apiKey);
    const { action_attempt_id } = body["action_attempt"] as { action_attempt_id: string };
    return look(`the end of ${path}`, async () => {
      const now = await ask("/action_attempts/get", { action_attempt_id }, apiKey);
      const { status } = now.body["action_attempt"] as { status: string };
      return status === "pending" ? undefined : status;
    });
  };
  const encode = () => run("/acs/encoders/encode_credential", { acs_credential_id: id });
  const ready = () =>
    look("the encoder is back", async () => {
      const { body } = await ask("/lockbridge/devices", {}, apiKey);
      return (body["devices"] as { state: string }[])[0]?.state === "ready" ? true : undefined;
    });
  hand.put("mifare_classic_1k");
  expect(await encode()).toBe("success");
  expect(await run("/acs/encoders/scan_credential", {})).toBe("success");
  for (const cutAfterBytes of [60, 400]) {
    simulator.faults.cutAfterBytes = cutAfterBytes;
    expect(await encode()).toBe("error");
    simulator.faults.cutAfterBytes = null;
    await ready();
  }
  expect(await encode()).toBe("success");
  expect(await run("/lockbridge/encoders/erase", {})).toBe("success");
  hand.put("ntag213");
  expect(await encode()).toBe("error");
  hand.take();
  expect(await encode()).toBe("error");
  await site.hardware.unplug();
  expect(await encode()).toBe("error");
  await site.hardware.plugIn();
  await ready();
}

async function cloudTroubles(apiKey: string): Promise<void> {
  const { faults } = site.cloud;
  const isWelcomed = () =>
    look("a welcome", async () => {
      const { body } = await ask("/lockbridge/sync", {}, apiKey);
      const { phase } = (body["sync"] as { cloud: { phase: string } }).cloud;
      return phase === "welcomed" ? true : undefined;
    });
  for (const fault of [
    { kind: "html" },
    { kind: "garbage" },
    { kind: "close" },
    { kind: "status", status: 500 },
    { kind: "redirect", to: "http://127.0.0.1:1/" },
    { kind: "dropReply" },
  ] as const) {
    faults.next(fault);
    // A change makes the gateway speak, so that the fault hits; the next session brings it again.
    const code = canaryPin(`PIN on its way up through ${fault.kind}`);
    await ask(
      "/acs/credentials/create",
      { access_method: "card", allowed_acs_entrance_ids: [site.id("acs_entrance", "room-101")], code },
      apiKey,
      { isOpen: true },
    );
    await look(`${fault.kind} hits`, () => Promise.resolve(faults.pending === 0 ? true : undefined));
    await isWelcomed();
  }
}

async function whatItTells(apiKey: string, viewerKey: string): Promise<void> {
  for (const path of [
    "/lockbridge/status",
    "/lockbridge/sync",
    "/lockbridge/devices",
    "/events/list",
    "/metrics",
    "/health",
    "/readyz",
    "/openapi.json",
  ])
    await ask(path, path === "/events/list" ? { since: "2020-01-01T00:00:00Z" } : {}, viewerKey);
  await ask("/action_attempts/list", {}, apiKey);
  await ask("/lockbridge/keys/list", {}, apiKey);
  await ask("/lockbridge/tokens/list", {}, apiKey);
  await ask("/lockbridge/audit/list", {}, apiKey);
  await ask("/lockbridge/webhooks/list", {}, apiKey);
  await liveEvents(viewerKey);
  for (const words of [
    ["sync"],
    ["sync", "--json"],
    ["doctor"],
    ["devices", "--json"],
    ["credentials"],
    ["tokens"],
    ["tokens", "delete", apiKey],
    ["codes", "list", "--lock", "lock-1"],
    ["codes", "list", "--lock", "lock-1", "--json"],
  ])
    await site.cli(words.filter((word) => word !== ""));
}

/** What a viewer's live stream says of everything that was told so far. */
async function liveEvents(viewerKey: string): Promise<void> {
  const { body } = await ask("/events/list", { since: "2020-01-01T00:00:00Z", limit: 1 }, viewerKey);
  const [first] = body["events"] as { readonly event_id: string }[];
  const stop = new AbortController();
  const response = await fetch(`${site.endpoint}/lockbridge/events/stream`, {
    headers: { authorization: `Bearer ${viewerKey}`, "last-event-id": first?.event_id ?? "" },
    signal: stop.signal,
  });
  let said = "";
  try {
    for await (const chunk of response.body ?? []) {
      said += Buffer.from(chunk as Uint8Array).toString();
      if (said.includes("lock.access_denied") && said.includes("access_code.set_on_device")) break;
    }
  } finally {
    stop.abort();
  }
  evidence.add("answer of the live stream", said);
}

async function configMistakes(): Promise<void> {
  const path = join(site.stateDir, "wrong.yaml");
  const good = readFileSync(site.configPath, "utf8");
  const token = site.gatewayToken;
  const wrong: Record<string, string> = {
    "a wrong name": good.replace("token:", "tokn:"),
    "a token in a list": good.replace(`token: ${token}`, `token: [${token}]`),
    "a token as a name": good.replace(`token: ${token}`, `${token}: token`),
    "a token in an address": good.replace(/http: .*/, `http: http://user:${token}@127.0.0.1/`),
    "a token as a reference": good.replace(`token: ${token}`, `token: "\${file:/nowhere/x}"`),
    "a token where an id belongs": good.replace(/gateway: .*/, `gateway: ${token}`),
    "a token as the level of the log": good.replace("level: trace", `level: ${token}`),
    "broken YAML": good.replace(`token: ${token}`, `token: "${token}`),
    "a tab": good.replace(`token: ${token}`, `\ttoken: ${token}: ${token}`),
    "the same twice": good.replace(`token: ${token}`, `token: ${token}\n  token: ${token}`),
  };
  for (const [what, text] of Object.entries(wrong)) {
    expect([what, text === good]).toEqual([what, false]);
    writeFileSync(path, text, { mode: 0o600 });
    expect(await site.cli(["check-config", path])).not.toContain(": good");
    await site.cli(["run", "--config", path]);
  }
}

/** First over HTTP, then over MQTT, at last with a broker that refuses the token. */
async function evilClouds(): Promise<void> {
  const pin = canaryPin("PIN thrown around by the cloud");
  const { siteId, gatewayId, gatewayToken } = site;
  const at = { entranceId: site.id("acs_entrance", "room-101"), systemId: site.id("acs_system", "main") };
  const broker = { siteId, gatewayId, pin, ...at };
  for (const { begin, misdeeds } of [
    { begin: () => startEvilCloud(pin, at), misdeeds: 6 },
    { begin: () => startEvilBroker({ ...broker, gatewayToken }), misdeeds: 2 },
    { begin: () => startEvilBroker({ ...broker, gatewayToken: "another" }), misdeeds: 0 },
  ]) {
    const evil = await begin();
    try {
      site.configure(evil.url);
      await site.start("cloud.problem");
      await look("every misdeed is done", () =>
        Promise.resolve(evil.misdeeds() >= misdeeds ? true : undefined),
      );
      await site.cli(["sync"]);
      expect(await site.end("SIGTERM")).toBe(0);
    } finally {
      await evil.close();
    }
  }
}

test(
  "a gateway that leaks is caught: in its log, on its stderr and in its file",
  { timeout: MINUTES_5 },
  async () => {
    const leaks = new Evidence();
    const leaky = await CanarySite.create(leaks);
    try {
      const pin = newPin();
      const master = randomBytes(16);
      await leaky.start();
      const path = join(leaky.stateDir, "keys.json");
      writeFileSync(path, JSON.stringify({ issuer: "0a0b0c0d", card_master: master.toString("hex") }), {
        mode: 0o600,
      });
      await leaky.cli(["keys", "import", path]);
      const apiKey = (
        await leaky.cli(["tokens", "create", "app", "--role", "admin"], { isSecret: true })
      ).trim();
      const wish = {
        access_method: "card",
        allowed_acs_entrance_ids: [leaky.id("acs_entrance", "room-101")],
        code: pin,
      };
      idOf(await ask("/acs/credentials/create", wish, apiKey, { isOpen: true, at: leaky.endpoint }));
      await leaky.end("SIGTERM");
      const found = [textCanary("pin", pin), { name: "master", bytes: master }];
      leaky.collectFiles();
      leaky.collectRows();
      expect(leaks.search(found)).toEqual([]);

      await leaky.start("test.leak", "leak");
      await leaky.end("SIGTERM");
      leaky.collectFiles();
      leaky.collectRows();
      const hits = leaks.search(found).map(({ canary, form, where }) => `${canary} ${form} ${where}`);
      expect(hits).toEqual(
        expect.arrayContaining([
          "pin raw log of life 2",
          "pin hex rows of meta",
          "pin hex file lockbridge.db",
          "master object stderr of life 2",
        ]),
      );
    } finally {
      await leaky.close();
    }
  },
);
