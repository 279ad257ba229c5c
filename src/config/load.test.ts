import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { inventorySchema } from "#src/domain/inventory";
import type { Config } from "./config.js";
import type { KnownDrivers } from "./device-settings.js";
import { inventoryOf } from "./inventory-of.js";
import { type LoadOptions, loadConfig, parseConfig } from "./load.js";

const drivers: KnownDrivers = {
  ids: ["acme", "mesh", "virtual"],
  load: (id) =>
    Promise.resolve(
      {
        acme: { transport: "serial", config: z.object({ address: z.int().max(127).default(1) }) },
        mesh: { transport: "serial", config: z.strictObject({ units: z.record(z.string(), z.unknown()) }) },
        virtual: { transport: "none", config: z.strictObject({}) },
      }[id],
    ),
};

const GOOD = `site: { id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10, name: Harbour Hotel, time_zone: Europe/Lisbon }
devices:
  desk: { driver: acme, port: /dev/a, address: 7 }
  bus: { driver: mesh, port: /dev/b, units: { back-door: {}, gate: {} } }
systems: { main: { name: Locks, card_profiles: [classic] } }
card_profiles: { classic: { format: lockbridge48, container: classic, sector: 1 } }
encoders: { front: { system: main, unit: desk } }
entrances:
  room-101: { system: main, name: "101", door: 101 }
  pool: { system: main, zone: 3 }
  back-door: { system: main, keypad: bus/back-door }
`;

const options = (more: Partial<LoadOptions> = {}): LoadOptions => ({ env: {}, drivers, ...more });

async function good(text: string, more: Partial<LoadOptions> = {}): Promise<Config> {
  const loaded = await parseConfig(text, options(more));
  if (!loaded.ok) throw new Error(`refused: ${inspect(loaded.problems)}`);
  return loaded.config;
}

/** The problems of a text, one line each: `line 'word it points at' path: message (suggestion)`. */
async function problems(text: string, more: Partial<LoadOptions> = {}): Promise<string[]> {
  const loaded = await parseConfig(text, options(more));
  if (loaded.ok) return [];
  const lines = text.split("\n");
  return loaded.problems.map(({ line, column, path, message, suggestion }) => {
    const word = /^[^\s,:[\]{}]*/.exec((lines[line - 1] ?? "").slice(column - 1))?.[0] ?? "";
    return `${line} '${word}' ${path}: ${message}${suggestion === undefined ? "" : ` (${suggestion})`}`;
  });
}

/** `GOOD` with one part of it replaced. */
function changed(from: string, to: string): string {
  if (!GOOD.includes(from)) throw new Error(`not in the text: ${from}`);
  return GOOD.replace(from, to);
}

test("fills in every default and every id", async () => {
  const config = await good(GOOD);
  expect(config).toMatchObject({
    site: { timeZone: "Europe/Lisbon" },
    cloud: null,
    offline: { ms: 72 * 3_600_000, keys: 200 },
    limits: { cardWaitMs: 60_000, jobMs: 120_000, commandMs: 150_000 },
    api: { host: "127.0.0.1", tls: null },
    socketPath: "/run/lockbridge/lockbridge.sock",
    stateDir: "/var/lib/lockbridge",
    logLevel: "info",
  });
  expect(config.devices).toEqual([
    { key: "desk", driver: "acme", port: "/dev/a", settings: { address: 7 } },
    { key: "bus", driver: "mesh", port: "/dev/b", settings: { units: { "back-door": {}, gate: {} } } },
  ]);
  expect(config.cardProfiles.get("classic")).toEqual({
    key: "classic",
    format: "lockbridge48",
    container: "classic",
    sector: 1,
  });
  expect(config.encoders).toMatchObject([{ key: "front", name: "front", unit: "desk/main" }]);
});

test("ids are UUIDv5 of the site and the key, or what the file says", async () => {
  const own = "11111111-2222-4333-8444-555555555555";
  const config = await good(changed("pool: {", `pool: { id: ${own.toUpperCase()},`));
  // Made by another implementation: Python's uuid.uuid5(UUID("6f1c2c1e-…"), "acs_entrance:room-101").
  expect(config.entrances[0]?.id).toBe("5cbc7be6-6ea7-5757-8770-149bb3847d9a");
  expect(config.entrances[1]?.id).toBe(own);
});

test("the inventory is what the journal carries, and refers by id", async () => {
  const inventory = inventoryOf(await good(GOOD));
  expect(inventorySchema.parse(inventory)).toEqual(inventory);
  const [system] = inventory.systems;
  expect(inventory.entrances.map(({ systemId }) => systemId)).toEqual([system?.id, system?.id, system?.id]);
  expect(inventory.entrances[2]).toMatchObject({
    key: "back-door",
    door: null,
    zone: null,
    keypad: "bus/back-door",
  });
  expect(inventory.encoders).toMatchObject([{ unit: "desk/main", systemId: system?.id }]);
});

test("how a door opens whose keypad only reports stands with its entrance", async () => {
  const entrance = "keypad: bus/back-door";
  const doorsOf = async (text: string) => [...(await good(text)).doors];
  expect(await doorsOf(GOOD)).toEqual([["bus/back-door", { mode: "pin", openMs: 5_000 }]]);
  const said = changed(entrance, `${entrance}, opens_with: card_and_pin, open_s: 2.5`);
  expect(await doorsOf(said)).toEqual([["bus/back-door", { mode: "card_and_pin", openMs: 2_500 }]]);
  expect((await problems(changed(entrance, "opens_with: card"))).join()).toContain("names none");
});

test("a keypad of an entrance is a lock, and has the name and the pool that its own entry gives it", async () => {
  const [plain] = inventoryOf(await good(GOOD)).locks;
  expect(plain).toMatchObject({ name: "back-door", unit: "bus/back-door", backupCodes: 0 });
  const more = `${GOOD}locks: { rear: { name: Rear, unit: bus/back-door, backup_codes: 3 }, gate: { unit: bus/gate } }\n`;
  expect(inventoryOf(await good(more)).locks).toMatchObject([
    { key: "rear", name: "Rear", unit: "bus/back-door", backupCodes: 3 },
    { key: "gate", name: "gate", unit: "bus/gate", backupCodes: 0 },
  ]);
  const twice = `${GOOD}locks: { rear: { unit: bus/gate }, gate: { unit: bus/gate } }\n`;
  expect(await problems(twice)).toEqual([`12 'bus/gate' locks.gate.unit: the lock "rear" is this unit`]);
});

test.each([
  [
    "an unknown key",
    "name: Harbour Hotel",
    "nmae: Harbour Hotel",
    [
      `1 'site' site.name: "name" is missing`,
      `1 'nmae' site.nmae: unknown key "nmae" (did you mean "name"?)`,
    ],
  ],
  [
    "an unknown section",
    "encoders: {",
    "encodres: {",
    [`7 'encodres' encodres: unknown key "encodres" (did you mean "encoders"?)`],
  ],
  [
    "an unknown key of a driver",
    "address: 7",
    "adress: 7",
    [`3 'adress' devices.desk.adress: unknown key "adress" (did you mean "address"?)`],
  ],
  [
    "a bad value of a driver",
    "address: 7",
    "address: 700",
    [`3 '700' devices.desk.address: this must be at most 127`],
  ],
  [
    "a missing section",
    "site: {",
    "sight: {",
    [
      `1 'sight' site: "site" is missing`,
      `1 'sight' sight: unknown key "sight" (possible: site, devices, systems, card_profiles, badge_formats, encoders, entrances, locks, cloud, offline, limits, retention, api, socket, state_dir, log)`,
    ],
  ],
  [
    "an entrance without a system",
    "pool: { system: main, zone: 3 }",
    "pool: { zone: 3 }",
    [`10 'pool' entrances.pool.system: "system" is missing`],
  ],
  [
    "an unknown system",
    "pool: { system: main",
    "pool: { system: mian",
    [`10 'mian' entrances.pool.system: there is no system "mian" (did you mean "main"?)`],
  ],
  [
    "an unknown profile",
    "[classic]",
    "[clasic]",
    [`5 'clasic' systems.main.card_profiles.0: there is no card profile "clasic" (did you mean "classic"?)`],
  ],
  [
    "an unknown driver",
    "driver: acme",
    "driver: amce",
    [`3 'amce' devices.desk.driver: there is no driver "amce" (did you mean "acme"?)`],
  ],
  [
    "an unknown device",
    "unit: desk",
    "unit: dsek",
    [`7 'dsek' encoders.front.unit: there is no device "dsek" (did you mean "desk"?)`],
  ],
  [
    "an unknown unit",
    "keypad: bus/back-door",
    "keypad: bus/backdoor",
    [
      `11 'bus/backdoor' entrances.back-door.keypad: the device "bus" has no unit "backdoor" (did you mean "bus/back-door"?)`,
    ],
  ],
  [
    "one unit of several",
    "keypad: bus/back-door",
    "keypad: bus",
    [
      `11 'bus' entrances.back-door.keypad: the device "bus" has several units: name one (possible: bus/back-door, bus/gate)`,
    ],
  ],
  [
    "no port",
    "driver: acme, port: /dev/a,",
    "driver: acme,",
    [`3 'desk' devices.desk.port: "port" is missing: the driver acme needs one`],
  ],
  [
    "a port too many",
    "driver: acme, port: /dev/a, address: 7",
    "driver: virtual, port: /dev/a",
    [`3 'port' devices.desk.port: the driver virtual has no port`],
  ],
  [
    "one port for two",
    "port: /dev/b",
    "port: /dev/a",
    [`4 '/dev/a' devices.bus.port: the device "desk" has the same port`],
  ],
  [
    "the same zone twice",
    "keypad: bus/back-door",
    "zone: 3",
    [`11 '3' entrances.back-door.zone: the entrance "pool" has zone 3 in the same system`],
  ],
  [
    "the same door twice",
    "zone: 3",
    "door: 101",
    [`10 '101' entrances.pool.door: the entrance "room-101" has door 101 in the same system`],
  ],
  [
    "door and zone",
    "door: 101",
    "door: 101, zone: 4",
    [`9 'zone' entrances.room-101.zone: an entrance is a guest door or a shared zone, not both`],
  ],
  [
    "a door out of range",
    "door: 101",
    "door: 65536",
    [`9 '65536' entrances.room-101.door: this must be at most 65535`],
  ],
  ["a zone out of range", "zone: 3", "zone: 32", [`10 '32' entrances.pool.zone: this must be at most 31`]],
  [
    "a bad time zone",
    "Europe/Lisbon",
    "Europe/Lisboa",
    [
      `1 'Europe/Lisboa' site.time_zone: "Europe/Lisboa" is no IANA time zone (did you mean "Europe/Lisbon"?)`,
    ],
  ],
  [
    "a bad id",
    "id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10",
    "id: hotel",
    [`1 'hotel' site.id: must be a UUID, like 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10`],
  ],
  [
    "a number for a text",
    'name: "101"',
    "name: 101",
    [`9 '101' entrances.room-101.name: this must be a text, not a number`],
  ],
  [
    "a container that is none",
    "container: classic",
    "container: clasic",
    [
      `6 'clasic' card_profiles.classic.container: this must be "classic", "ntag", "desfire" or "magstripe" (did you mean "classic"?)`,
    ],
  ],
  [
    "a key with a slash",
    "pool: {",
    "po/ol: {",
    [
      `10 'po/ol' entrances.po/ol: a key has 1 to 64 letters, digits, - and _, and begins with a letter or digit`,
    ],
  ],
  ["a duplicate key", "pool: {", "room-101: {", [`10 'room-101' : Map keys must be unique`]],
  [
    "a section that is a list",
    "systems: { main: { name: Locks, card_profiles: [classic] } }",
    "systems: [main]",
    [
      `5 '' systems: this must be a mapping, not a list`,
      `7 'main' encoders.front.system: there is no system "main"`,
      `9 'main' entrances.room-101.system: there is no system "main"`,
      `10 'main' entrances.pool.system: there is no system "main"`,
      `11 'main' entrances.back-door.system: there is no system "main"`,
    ],
  ],
])("refuses %s, and says where", async (_what, from, to, expected) => {
  expect(await problems(changed(from, to))).toEqual(expected);
});

test("finds everything at once, in the order of the file", async () => {
  const text = changed("address: 7", "address: many")
    .replace("Europe/Lisbon", "Mars")
    .replace("unit: desk", "unit: shelf")
    .replace("zone: 3", "zoen: 3");
  expect(await problems(text)).toEqual([
    `1 'Mars' site.time_zone: "Mars" is no IANA time zone`,
    `3 'many' devices.desk.address: this must be a number, not a text`,
    `7 'shelf' encoders.front.unit: there is no device "shelf" (possible: desk, bus)`,
    `10 'zoen' entrances.pool.zoen: unknown key "zoen" (did you mean "zone"?)`,
  ]);
});

test("refuses the same id twice, whatever its letters' case", async () => {
  const id = "1111aaaa-2222-4333-8444-555555555555";
  const text = changed("pool: {", `pool: { id: ${id},`).replace(
    "back-door: { system",
    `back-door: { id: ${id.toUpperCase()}, system`,
  );
  const [found, ...others] = await problems(text);
  expect(found).toBe(`11 '${id.toUpperCase()}' entrances.back-door.id: entrances.pool has the same id`);
  expect(others).toEqual([]);
});

test.each([
  [
    "card_wait_s: 130",
    `12 '130' limits.card_wait_s: job_s (120) is shorter than card_wait_s (130), which is a part of it`,
  ],
  [
    "command_s: 60",
    `12 '60' limits.command_s: command_s (60) is shorter than job_s (120), which is a part of it`,
  ],
  ["job_s: 0", `12 '0' limits.job_s: this must be more than 0`],
])("refuses limits that do not fit together: %s", async (limit, expected) => {
  expect(await problems(`${GOOD}limits: { ${limit} }\n`)).toContain(expected);
});

const GATEWAY = "gateway: 0d8f4c52-3c65-4a53-8f0f-5b6f0f6f2a11";

test.each([
  ["http://cloud.example", "http: is not encrypted, and cloud.example is beyond this machine (use https://)"],
  ["ftp://cloud.example", "this must begin with https://"],
  ["cloud.example", "this is no address; it begins with https://"],
  [
    "https://me:pass@cloud.example",
    'an address carries no user and no password (put the token under "token")',
  ],
])("refuses the cloud at %s", async (http, message) => {
  const found = await problems(`${GOOD}cloud: { http: "${http}", ${GATEWAY}, token: t }\n`);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(/^12 /);
  expect(found[0]).toContain(`cloud.http: ${message}`.replace("http: is not", "http:// is not"));
});

test.each(["mqtt://broker.example", "ws://10.0.0.4"])("refuses plain MQTT to %s", async (url) => {
  const found = await problems(`${GOOD}cloud: { url: "${url}", ${GATEWAY}, token: t }\n`);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("is not encrypted");
});

test.each(["http://127.0.0.1:4000", "http://[::1]:4000", "http://localhost", "https://cloud.example"])(
  "takes the cloud at %s",
  async (http) => {
    const { cloud } = await good(`${GOOD}cloud: { http: "${http}", ${GATEWAY}, token: t-o-k-e-n }\n`);
    expect(cloud).toMatchObject({ httpUrl: http, mqttUrl: null });
    expect(cloud?.token.reveal()).toBe("t-o-k-e-n");
    expect(inspect(cloud)).not.toContain("t-o-k-e-n");
  },
);

test.each([
  "mqtt://127.0.0.1:1883",
  "ws://localhost/mqtt",
  "mqtts://cloud.example:8883",
  "wss://cloud.example",
])("takes the cloud at %s", async (url) => {
  const { cloud } = await good(`${GOOD}cloud: { url: "${url}", ${GATEWAY}, token: t }\n`);
  expect(cloud).toMatchObject({ mqttUrl: url, httpUrl: null, tls: { caPath: null, identity: null } });
});

test("certificates for the cloud: a readable PEM, and a key to the gateway's own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-config-"));
  const [pem, text] = [join(folder, "ca.crt"), join(folder, "notes.txt")];
  writeFileSync(pem, "-----BEGIN CERTIFICATE-----\n");
  writeFileSync(text, "no certificate\n");
  const withTls = (tls: string) =>
    `${GOOD}cloud: { url: "mqtts://c.example", ${GATEWAY}, token: t, tls: { ${tls} } }\n`;
  try {
    const { cloud } = await good(withTls(`ca: ${pem}, certificate: ${pem}, key: k-e-y`));
    expect(cloud?.tls).toMatchObject({ caPath: pem, identity: { certificatePath: pem } });
    expect(cloud?.tls.identity?.key.reveal()).toBe("k-e-y");
    expect(inspect(cloud, { depth: null })).not.toContain("k-e-y");
    expect(await problems(withTls(`ca: ${folder}/none`))).toEqual([
      `12 '${folder}/none' cloud.tls.ca: cannot read ${folder}/none: there is no such file`,
    ]);
    expect(await problems(withTls(`ca: ${text}`))).toEqual([
      `12 '${text}' cloud.tls.ca: ${text} holds no certificate in PEM`,
    ]);
    for (const half of [`certificate: ${pem}`, "key: k"]) {
      expect(await problems(withTls(half))).toEqual([
        `12 'tls' cloud.tls: a client certificate and its key go together: one of them is missing`,
      ]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a cloud needs one of its two addresses", async () => {
  expect(await problems(`${GOOD}cloud: { ${GATEWAY}, token: t }\n`)).toEqual([
    `12 'cloud' cloud: "url" (MQTT) or "http" is missing: one of them is needed`,
  ]);
});

test("the API listens beyond this machine only with TLS", async () => {
  expect(await problems(`${GOOD}api: { host: 0.0.0.0 }\n`)).toEqual([
    `12 '0.0.0.0' api.host: tokens would cross the network unencrypted: "tls" is needed to listen on 0.0.0.0 (add tls, or listen on 127.0.0.1)`,
  ]);
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-config-"));
  const pem = join(folder, "api.crt");
  writeFileSync(pem, "-----BEGIN CERTIFICATE-----\n");
  const beyond = (path: string) => `${GOOD}api: { host: 0.0.0.0, tls: { certificate: ${path}, key: k } }\n`;
  try {
    const { api } = await good(beyond(pem));
    expect(api.tls?.key.reveal()).toBe("k");
    expect(await problems(beyond(`${folder}/none`))).toEqual([
      `12 '${folder}/none' api.tls.certificate: cannot read ${folder}/none: there is no such file`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("no origin's pages may read the API unless it is named, and an origin is no URL with a path", async () => {
  expect((await good(GOOD)).api).toMatchObject({ allowedOrigins: [], requestsPerSecond: 300 });
  const { api } = await good(`${GOOD}api: { allowed_origins: ["https://desk.example", "*"] }\n`);
  expect(api.allowedOrigins).toEqual(["https://desk.example", "*"]);
  expect(await problems(`${GOOD}api: { allowed_origins: ["https://desk.example/"] }\n`)).toEqual([
    expect.stringContaining("must be an origin like https://app.example, or * for all"),
  ]);
});

// ── References ───────────────────────────────────────────────────────────────────────────────────────────────────

const withToken = (token: string) =>
  `${GOOD}cloud: { http: "https://c.example", ${GATEWAY}, token: "${token}" }\n`;

function secretFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-config-"));
  const write = (name: string, text: string, mode: number) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  write("good", "canary-token\n", 0o600);
  write("shared", "canary-token", 0o640);
  write("empty", "\n", 0o600);
  write("huge", "x".repeat(70_000), 0o600);
  mkdirSync(join(folder, "folder"), { mode: 0o700 });
  return folder;
}

test("reads a secret from a file and from the service's credentials, and never shows it", async () => {
  const folder = secretFolder();
  for (const reference of [`\${file:${folder}/good}`, "${credential:good}"]) {
    const config = await good(withToken(reference), { env: { CREDENTIALS_DIRECTORY: folder } });
    expect(config.cloud?.token.reveal()).toBe("canary-token");
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain("canary");
  }
});

test.each([
  [
    "${file:FOLDER/shared}",
    "FOLDER/shared is open to its group or to others (mode 0640) (chmod 600 FOLDER/shared)",
  ],
  ["${file:FOLDER/missing}", "cannot read FOLDER/missing: there is no such file"],
  ["${file:FOLDER/empty}", "FOLDER/empty is empty"],
  ["${file:FOLDER/huge}", "FOLDER/huge is longer than 65536 bytes"],
  ["${file:FOLDER/folder}", "FOLDER/folder is not a file"],
  ["${file:relative}", '"relative" is not an absolute path'],
  ["${credential:missing}", "cannot read FOLDER/missing: there is no such file"],
  ["${credential:../good}", '"../good" cannot be the name of a credential'],
  ["${vault:x}", 'unknown kind of reference "vault" (use ${credential:…} or ${file:…})'],
  [
    "Bearer ${credential:good}",
    "a reference must be the whole value, like ${credential:name} or ${file:/path}",
  ],
])("refuses the reference %s", async (reference, message) => {
  const folder = secretFolder();
  const found = await problems(withToken(reference.replace("FOLDER", folder)), {
    env: { CREDENTIALS_DIRECTORY: folder },
  });
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp("cloud\\.token: "));
  expect(found[0]).toContain(message.replaceAll("FOLDER", folder));
});

test("outside the service a credential is a problem to a run, and a note to a check", async () => {
  const text = withToken("${credential:cloud-token}");
  expect((await problems(text))[0]).toContain('the credential "cloud-token" can be read only by the service');
  const checked = await parseConfig(text, options({ isCheck: true }));
  expect(checked).toMatchObject({ ok: true, notes: [{ path: "cloud.token", line: 12 }] });
});

test("a reference where no secret belongs is refused", async () => {
  const folder = secretFolder();
  const found = await problems(changed("name: Harbour Hotel", `name: "\${file:${folder}/good}"`));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("site.name: a reference is not possible here; write the value itself");
});

// ── Files that are no configuration ──────────────────────────────────────────────────────────────────────────────

test.each([
  ["", "the file is empty"],
  ["# only a comment\n", "the file is empty"],
  ["just a text", "this must be a mapping, not a text"],
  ["[1, 2]", "this must be a mapping, not a list"],
])("says what is wrong with %j", async (text, message) => {
  expect((await problems(text)).join("\n")).toContain(message);
});

test("a syntax error has its place", async () => {
  const loaded = await parseConfig("site:\n  id: [1, 2\nname: x\n", options());
  expect(loaded).toMatchObject({ ok: false });
  if (!loaded.ok) expect(loaded.problems[0]?.line).toBeGreaterThanOrEqual(2);
});

test("aliases that multiply are refused, not followed", async () => {
  const levels = Array.from(
    { length: 9 },
    (_, n) => `l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(", ")}]`,
  );
  expect(await problems(`l0: &l0 [x]\n${levels.join("\n")}\n`)).toEqual([expect.stringContaining("alias")]);
});

test("a file that is not there is a problem, not a crash", async () => {
  const loaded = await loadConfig("/nowhere/lockbridge.yaml", options());
  expect(loaded).toMatchObject({
    ok: false,
    problems: [{ message: "cannot read the configuration: there is no such file" }],
  });
});

test("any text gives a configuration or problems, never a throw", async () => {
  const pieces = [
    "site",
    "devices",
    ":",
    " ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "&a",
    "*a",
    "<<",
    "-",
    '"',
    "${file:",
    "__proto__",
    "driver",
    "acme",
    "!!set",
    "~",
    "1e99",
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((some) => some.join("")),
        fc
          .tuple(fc.nat(GOOD.length), fc.nat(20), fc.constantFrom(...pieces))
          .map(([at, cut, piece]) => GOOD.slice(0, at) + piece + GOOD.slice(at + cut)),
      ),
      async (text) => {
        const loaded = await parseConfig(text, options());
        if (!loaded.ok) expect(loaded.problems.length).toBeGreaterThan(0);
      },
    ),
    { numRuns: 200 },
  );
});
