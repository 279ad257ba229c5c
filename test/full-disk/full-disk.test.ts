import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { objectId } from "#src/config/ids";
import { DaemonProcess } from "#test/power-cuts/daemon-process";

/** A file system of this many megabytes, of its own for the process that it is mounted for. */
const DISK_MB = 6;
const SITE = "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10";
const ON_SMALL_DISK = (folder: string) => [
  "unshare",
  "--user",
  "--map-root-user",
  "--mount",
  "sh",
  "-c",
  `mount -t tmpfs -o size=${DISK_MB}m tmpfs "${folder}" && exec "$@"`,
  "sh",
];

interface Answer {
  readonly status: number;
  readonly body: { readonly error?: { readonly type: string }; readonly [name: string]: unknown };
}

function post(socketPath: string, path: string, input: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const asked = request({ socketPath, path, method: "POST", headers }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => void (text += part.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] }),
      );
    });
    asked.once("error", reject);
    asked.end(JSON.stringify(input));
  });
}

/** Where nobody but root may make a file system of his own, there is nothing to test it on. */
const canMount = spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;

test.runIf(canMount)(
  "a daemon on a full disk answers 503 storage_full, changes nothing, makes no key, and goes on reading",
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "lockbridge-full-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const stateDir = join(folder, "state");
    mkdirSync(stateDir);
    const socket = join(folder, "lockbridge.sock");
    const configPath = join(folder, "lockbridge.yaml");
    const document = {
      site: { id: SITE, name: "Small disk", time_zone: "Europe/Lisbon" },
      state_dir: stateDir,
      socket,
      api: { host: "127.0.0.1", port: 0 },
      devices: { desk: { driver: "pn532", port: join(folder, "encoder") } },
      systems: { main: { card_profiles: ["classic"] } },
      card_profiles: { classic: { format: "lockbridge48", container: "classic", sector: 1 } },
      encoders: { desk: { system: "main", unit: "desk" } },
      entrances: { "room-101": { system: "main", door: 101 } },
    };
    writeFileSync(configPath, stringify(document), { mode: 0o600 });
    const daemon = new DaemonProcess(configPath, ON_SMALL_DISK(stateDir));
    onTestFinished(() => daemon.cut());
    await daemon.start();
    await daemon.reaches("gateway.ready");

    const system = objectId(SITE, "acs_system", "main");
    const card = { acs_system_id: system, access_method: "card" };
    const made = await post(socket, "/acs/credentials/create", card);
    const { acs_credential_id } = made.body["acs_credential"] as { acs_credential_id: string };
    const encode = { acs_encoder_id: objectId(SITE, "acs_encoder", "desk"), acs_credential_id };
    const refusedKey = await post(socket, "/acs/encoders/encode_credential", encode);
    expect([refusedKey.status, refusedKey.body.error?.type]).toEqual([503, "storage_full"]);

    const user = { acs_system_id: system, full_name: "x".repeat(200) };
    let stored = 0;
    let last = await post(socket, "/acs/users/create", user);
    while (last.status === 200 && stored < 10_000) {
      stored += 1;
      last = await post(socket, "/acs/users/create", user);
    }
    expect([last.status, last.body.error?.type]).toEqual([503, "storage_full"]);
    expect(stored).toBeGreaterThan(10);
    const again = await post(socket, "/acs/credentials/create", card);
    expect([again.status, again.body.error?.type]).toEqual([503, "storage_full"]);
    const shown = await post(socket, "/acs/users/list", { limit: 1_000 });
    expect(shown.status).toBe(200);
    expect((shown.body["acs_users"] as unknown[]).length).toBe(Math.min(stored, 1_000));
    const status = await post(socket, "/lockbridge/status", {});
    expect(JSON.stringify(status.body)).toContain("store.full");
    expect(daemon.said).not.toContain("api.failed");
  },
);
