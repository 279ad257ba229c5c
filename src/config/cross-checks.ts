import { readFileSync } from "node:fs";
import { isUuid } from "#src/lib/uuid";
import { badgeFormats } from "./badge-checks.js";
import { type ConfiguredKind, objectId } from "./ids.js";
import { meant, oneOf } from "./explain.js";
import type { Finding, Path } from "./problem.js";
import { reasonOf } from "./references.js";
import { entriesOf, numberOrUndefined, sectionOf, textOrUndefined } from "./tolerant.js";

/** What no schema of a single value can see: one part of the file against another. */
export function crossCheck(data: unknown): Finding[] {
  return [
    ...timeZone(data),
    ...references(data),
    ...badgeFormats(data),
    ...duplicateIds(data),
    ...sharedNumbers(data),
    ...sharedLockUnits(data),
    ...limits(data),
    ...cloudCarriers(data),
    ...cloudTls(data),
    ...apiCertificate(data),
    ...apiBeyondLoopback(data),
  ];
}

function timeZone(data: unknown): Finding[] {
  const zone = textOrUndefined(sectionOf(data, "site")["time_zone"]);
  if (zone === undefined) return [];
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return [];
  } catch {
    const suggestion = meant(zone, Intl.supportedValuesOf("timeZone"));
    return [
      { path: ["site", "time_zone"], at: "value", message: `"${zone}" is no IANA time zone`, suggestion },
    ];
  }
}

function references(data: unknown): Finding[] {
  const systems = Object.keys(sectionOf(data, "systems"));
  const profiles = Object.keys(sectionOf(data, "card_profiles"));
  const found: Finding[] = [];
  const expect = (path: Path, value: unknown, what: string, among: readonly string[]) => {
    if (typeof value !== "string" || among.includes(value)) return;
    const suggestion = meant(value, among) ?? oneOf(among);
    found.push({ path, at: "value", message: `there is no ${what} "${value}"`, suggestion });
  };
  for (const [key, system] of entriesOf(data, "systems")) {
    const wanted: readonly unknown[] = Array.isArray(system["card_profiles"]) ? system["card_profiles"] : [];
    wanted.forEach((profile, index) =>
      expect(["systems", key, "card_profiles", index], profile, "card profile", profiles),
    );
  }
  for (const [key, entrance] of entriesOf(data, "entrances")) {
    expect(["entrances", key, "system"], entrance["system"], "system", systems);
    found.push(...unitReference(data, ["entrances", key, "keypad"], entrance["keypad"]));
  }
  for (const [key, encoder] of entriesOf(data, "encoders")) {
    expect(["encoders", key, "system"], encoder["system"], "system", systems);
    found.push(...unitReference(data, ["encoders", key, "unit"], encoder["unit"]));
  }
  for (const [key, lock] of entriesOf(data, "locks")) {
    found.push(...unitReference(data, ["locks", key, "unit"], lock["unit"]));
  }
  return found;
}

/** Which units a device has is known for sure only when it is open; a device that lists `units` has those. */
function unitReference(data: unknown, path: Path, value: unknown): Finding[] {
  if (typeof value !== "string") return [];
  const [device = "", unit] = value.split("/");
  const devices = sectionOf(data, "devices");
  if (!Object.hasOwn(devices, device)) {
    const keys = Object.keys(devices);
    const suggestion = meant(device, keys) ?? oneOf(keys);
    return [{ path, at: "value", message: `there is no device "${device}"`, suggestion }];
  }
  const units = Object.keys(sectionOf(devices[device], "units"));
  if (units.length === 0 || (unit !== undefined && units.includes(unit))) return [];
  const message =
    unit === undefined
      ? `the device "${device}" has several units: name one`
      : `the device "${device}" has no unit "${unit}"`;
  const full = units.map((name) => `${device}/${name}`);
  return [{ path, at: "value", message, suggestion: meant(value, full) ?? oneOf(full) }];
}

const SECTIONS: Readonly<Record<string, ConfiguredKind>> = {
  systems: "acs_system",
  encoders: "acs_encoder",
  entrances: "acs_entrance",
  locks: "device",
};

function duplicateIds(data: unknown): Finding[] {
  const site = textOrUndefined(sectionOf(data, "site")["id"]);
  const holders = new Map<string, string>();
  const found: Finding[] = [];
  for (const [section, kind] of Object.entries(SECTIONS)) {
    for (const [key, object] of entriesOf(data, section)) {
      const explicit = textOrUndefined(object["id"]);
      const derived = site !== undefined && isUuid(site) ? objectId(site, kind, key) : undefined;
      const id = (explicit ?? derived)?.toLowerCase();
      if (id === undefined) continue;
      const holder = holders.get(id);
      if (holder !== undefined) {
        found.push({ path: [section, key, "id"], at: "value", message: `${holder} has the same id` });
      }
      holders.set(id, `${section}.${key}`);
    }
  }
  return found;
}

/** One keypad is one lock, under whatever name. */
function sharedLockUnits(data: unknown): Finding[] {
  const holders = new Map<string, string>();
  const found: Finding[] = [];
  for (const [key, lock] of entriesOf(data, "locks")) {
    const named = textOrUndefined(lock["unit"]);
    if (named === undefined) continue;
    const unit = named.includes("/") ? named : `${named}/main`;
    const holder = holders.get(unit);
    if (holder !== undefined) {
      found.push({ path: ["locks", key, "unit"], at: "value", message: `the lock "${holder}" is this unit` });
    }
    holders.set(unit, key);
  }
  return found;
}

/** A card names doors and zones by number: within a system a number is one entrance. */
function sharedNumbers(data: unknown): Finding[] {
  const holders = new Map<string, string>();
  const found: Finding[] = [];
  for (const [key, entrance] of entriesOf(data, "entrances")) {
    for (const what of ["door", "zone"] as const) {
      const number = numberOrUndefined(entrance[what]);
      const system = textOrUndefined(entrance["system"]);
      if (number === undefined || system === undefined) continue;
      const place = JSON.stringify([system, what, number]);
      const holder = holders.get(place);
      if (holder !== undefined) {
        const message = `the entrance "${holder}" has ${what} ${number} in the same system`;
        found.push({ path: ["entrances", key, what], at: "value", message });
      }
      holders.set(place, key);
    }
    if (entrance["door"] !== undefined && entrance["zone"] !== undefined) {
      const message = "an entrance is a guest door or a shared zone, not both";
      found.push({ path: ["entrances", key, "zone"], at: "key", message });
    }
  }
  return found;
}

const LIMITS = [
  { key: "card_wait_s", default: 60 },
  { key: "job_s", default: 120 },
  { key: "command_s", default: 150 },
] as const;

function limits(data: unknown): Finding[] {
  const written = sectionOf(data, "limits");
  const found: Finding[] = [];
  for (const [index, shorter] of LIMITS.entries()) {
    const longer = LIMITS[index + 1];
    if (longer === undefined) break;
    const least = numberOrUndefined(written[shorter.key]) ?? shorter.default;
    const most = numberOrUndefined(written[longer.key]) ?? longer.default;
    if (least <= most) continue;
    const message = `${longer.key} (${most}) is shorter than ${shorter.key} (${least}), which is a part of it`;
    const at = written[longer.key] === undefined ? shorter.key : longer.key;
    found.push({ path: ["limits", at], at: "value", message });
  }
  return found;
}

const CARRIERS = [
  { key: "url", safe: ["mqtts:", "wss:"], plain: ["mqtt:", "ws:"] },
  { key: "http", safe: ["https:"], plain: ["http:"] },
] as const;

function cloudCarriers(data: unknown): Finding[] {
  const cloud = sectionOf(data, "cloud");
  if (Object.keys(cloud).length === 0) return [];
  if (cloud["url"] === undefined && cloud["http"] === undefined) {
    return [
      { path: ["cloud"], at: "key", message: '"url" (MQTT) or "http" is missing: one of them is needed' },
    ];
  }
  return CARRIERS.flatMap(({ key, safe, plain }): Finding[] => {
    const value = textOrUndefined(cloud[key]);
    if (value === undefined) return [];
    const path = ["cloud", key];
    const schemes = safe.map((scheme) => `${scheme}//`).join(" or ");
    if (!URL.canParse(value))
      return [{ path, at: "value", message: `this is no address; it begins with ${schemes}` }];
    const url = new URL(value);
    if (url.username !== "" || url.password !== "") {
      return [
        {
          path,
          at: "value",
          message: "an address carries no user and no password",
          suggestion: 'put the token under "token"',
        },
      ];
    }
    if (safe.some((scheme) => scheme === url.protocol)) return [];
    if (plain.some((scheme) => scheme === url.protocol)) {
      if (isLoopback(url.hostname)) return [];
      const message = `${url.protocol}// is not encrypted, and ${url.hostname} is beyond this machine`;
      return [{ path, at: "value", message, suggestion: `use ${schemes}` }];
    }
    return [{ path, at: "value", message: `this must begin with ${schemes}` }];
  });
}

function cloudTls(data: unknown): Finding[] {
  const tls = sectionOf(sectionOf(data, "cloud"), "tls");
  const found: Finding[] = [];
  for (const key of ["ca", "certificate"]) {
    const path = textOrUndefined(tls[key]);
    const fault = path === undefined ? undefined : certificateFault(path);
    if (fault !== undefined) found.push({ path: ["cloud", "tls", key], at: "value", message: fault });
  }
  if ((tls["certificate"] === undefined) !== (tls["key"] === undefined)) {
    const message = "a client certificate and its key go together: one of them is missing";
    found.push({ path: ["cloud", "tls"], at: "key", message });
  }
  return found;
}

function certificateFault(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.includes("-----BEGIN CERTIFICATE-----") ? undefined : `${path} holds no certificate in PEM`;
  } catch (error) {
    return `cannot read ${path}: ${reasonOf(error)}`;
  }
}

function apiCertificate(data: unknown): Finding[] {
  const path = textOrUndefined(sectionOf(sectionOf(data, "api"), "tls")["certificate"]);
  const fault = path === undefined ? undefined : certificateFault(path);
  return fault === undefined ? [] : [{ path: ["api", "tls", "certificate"], at: "value", message: fault }];
}

function apiBeyondLoopback(data: unknown): Finding[] {
  const api = sectionOf(data, "api");
  const host = textOrUndefined(api["host"]);
  if (host === undefined || isLoopback(host) || api["tls"] !== undefined) return [];
  const message = `tokens would cross the network unencrypted: "tls" is needed to listen on ${host}`;
  return [{ path: ["api", "host"], at: "value", message, suggestion: "add tls, or listen on 127.0.0.1" }];
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
