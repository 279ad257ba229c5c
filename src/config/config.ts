import { formatOf } from "#src/cards/badge-format";
import type { CardProfile } from "#src/cards/profile";
import { WIEGAND_FORMATS, type WiegandFormat } from "#src/cards/wiegand";
import type { DoorMode } from "#src/domain/doors/decide";
import type { Secret } from "#src/lib/secret";
import type { ConfiguredDevice } from "./device-settings.js";
import { objectId } from "./ids.js";
import type { ConfigFile } from "./schema.js";

/** The configuration as the program uses it: every default filled in, every reference read, every id known. */
export interface Config {
  readonly site: { readonly id: string; readonly name: string; readonly timeZone: string };
  readonly devices: readonly ConfiguredDevice[];
  readonly systems: readonly ConfiguredSystem[];
  /** By key. */
  readonly cardProfiles: ReadonlyMap<string, CardProfile>;
  /** Formats of the badges of a system, by its id. */
  readonly badgeFormats: ReadonlyMap<string, readonly WiegandFormat[]>;
  readonly encoders: readonly ConfiguredEncoder[];
  readonly entrances: readonly ConfiguredEntrance[];
  /** Every keypad that an entrance names or that has an entry of its own. */
  readonly locks: readonly ConfiguredLock[];
  /** How doors are opened whose keypad or reader only reports, by `device/unit`. */
  readonly doors: ReadonlyMap<string, { readonly mode: DoorMode; readonly openMs: number }>;
  /** null: the gateway is its own authority. */
  readonly cloud: ConfiguredCloud | null;
  readonly offline: { readonly ms: number; readonly keys: number };
  readonly limits: { readonly cardWaitMs: number; readonly jobMs: number; readonly commandMs: number };
  readonly retention: { readonly eventsMs: number; readonly attemptsMs: number; readonly auditMs: number };
  readonly api: {
    readonly host: string;
    readonly port: number;
    readonly tls: { readonly certificatePath: string; readonly key: Secret<string> } | null;
    /** Of each token. */
    readonly requestsPerSecond: number;
    /** Origins, or `*`. */
    readonly allowedOrigins: readonly string[];
  };
  readonly socketPath: string;
  readonly stateDir: string;
  readonly logLevel: ConfigFile["log"]["level"];
}

const DAY_MS = 86_400_000;

interface ConfiguredObject {
  readonly id: string;
  readonly key: string;
  readonly name: string;
}

export interface ConfiguredSystem extends ConfiguredObject {
  readonly externalType: string | null;
  /** Keys, the preferred one first. */
  readonly cardProfiles: readonly string[];
}

export interface ConfiguredEncoder extends ConfiguredObject {
  /** Keys. */
  readonly system: string;
  /** `device/unit`. */
  readonly unit: string;
}

export interface ConfiguredEntrance extends ConfiguredObject {
  readonly system: string;
  readonly door: number | null;
  readonly zone: number | null;
  /** `device/unit`. */
  readonly keypad: string | null;
  /** The gateway decides there, and takes cards. */
  readonly opensWithCard?: true;
}

export interface ConfiguredLock extends ConfiguredObject {
  /** `device/unit`; no two locks have the same. */
  readonly unit: string;
  /** 0: no pool. */
  readonly backupCodes: number;
}

export interface ConfiguredCloud {
  /** MQTT. At least one of the two addresses is there. */
  readonly mqttUrl: string | null;
  readonly httpUrl: string | null;
  readonly gatewayId: string;
  readonly token: Secret<string>;
  readonly tls: {
    /** null: the system's authorities. */
    readonly caPath: string | null;
    /** The gateway's own. */
    readonly identity: { readonly certificatePath: string; readonly key: Secret<string> } | null;
  };
}

export function configOf(file: ConfigFile, devices: readonly ConfiguredDevice[]): Config {
  const siteId = file.site.id.toLowerCase();
  return {
    site: { id: siteId, name: file.site.name, timeZone: file.site.time_zone },
    devices,
    systems: Object.entries(file.systems).map(([key, system]) => ({
      id: systemIdOf(siteId, key, system),
      key,
      name: system.name ?? key,
      externalType: system.external_type ?? null,
      cardProfiles: system.card_profiles,
    })),
    cardProfiles: new Map(
      Object.entries(file.card_profiles).map(([key, profile]) => [key, { ...profile, key }]),
    ),
    badgeFormats: badgeFormatsOf(file, siteId),
    encoders: Object.entries(file.encoders).map(([key, encoder]) => ({
      id: encoder.id?.toLowerCase() ?? objectId(siteId, "acs_encoder", key),
      key,
      name: encoder.name ?? key,
      system: encoder.system,
      unit: fullUnit(encoder.unit),
    })),
    entrances: Object.entries(file.entrances).map(([key, entrance]) => ({
      id: entrance.id?.toLowerCase() ?? objectId(siteId, "acs_entrance", key),
      key,
      name: entrance.name ?? key,
      system: entrance.system,
      door: entrance.door ?? null,
      zone: entrance.zone ?? null,
      keypad: entrance.keypad === undefined ? null : fullUnit(entrance.keypad),
      ...((entrance.opens_with ?? "pin") === "pin" ? {} : { opensWithCard: true as const }),
    })),
    locks: locksOf(file, siteId),
    doors: doorsOf(file),
    cloud: file.cloud === undefined ? null : cloudOf(file.cloud),
    offline: { ms: file.offline.hours * 3_600_000, keys: file.offline.keys },
    limits: {
      cardWaitMs: file.limits.card_wait_s * 1_000,
      jobMs: file.limits.job_s * 1_000,
      commandMs: file.limits.command_s * 1_000,
    },
    retention: {
      eventsMs: file.retention.events_days * DAY_MS,
      attemptsMs: file.retention.attempts_days * DAY_MS,
      auditMs: file.retention.audit_days * DAY_MS,
    },
    api: {
      host: file.api.host,
      port: file.api.port,
      tls:
        file.api.tls === undefined
          ? null
          : { certificatePath: file.api.tls.certificate, key: file.api.tls.key },
      requestsPerSecond: file.api.requests_per_second,
      allowedOrigins: file.api.allowed_origins,
    },
    socketPath: file.socket,
    stateDir: file.state_dir,
    logLevel: file.log.level,
  };
}

function systemIdOf(siteId: string, key: string, { id }: ConfigFile["systems"][string]): string {
  return id?.toLowerCase() ?? objectId(siteId, "acs_system", key);
}

function badgeFormatsOf(file: ConfigFile, siteId: string): Config["badgeFormats"] {
  const known = new Map(WIEGAND_FORMATS.map((format) => [format.name, format]));
  for (const [key, format] of Object.entries(file.badge_formats)) known.set(key, formatOf(key, format));
  return new Map(
    Object.entries(file.systems).map(([key, system]) => [
      systemIdOf(siteId, key, system),
      system.badge_formats?.flatMap((name) => known.get(name) ?? []) ?? WIEGAND_FORMATS,
    ]),
  );
}

const OPEN_S = 5;

/** Two entrances at one keypad open alike: what the last one says of it holds. */
function doorsOf(file: ConfigFile): Config["doors"] {
  return new Map(
    Object.values(file.entrances).flatMap(({ keypad, opens_with: mode = "pin", open_s: seconds = OPEN_S }) =>
      keypad === undefined ? [] : [[fullUnit(keypad), { mode, openMs: Math.round(seconds * 1_000) }]],
    ),
  );
}

/** Entries of the file, then the keypads that only entrances name: those go by their unit, and bear the door's name. */
function locksOf(file: ConfigFile, siteId: string): ConfiguredLock[] {
  const locks = Object.entries(file.locks).map(([key, lock]) => ({
    id: lock.id?.toLowerCase() ?? objectId(siteId, "device", key),
    key,
    name: lock.name ?? key,
    unit: fullUnit(lock.unit),
    backupCodes: lock.backup_codes,
  }));
  for (const [entranceKey, { keypad, name }] of Object.entries(file.entrances)) {
    if (keypad === undefined) continue;
    const unit = fullUnit(keypad);
    if (locks.some((known) => known.unit === unit)) continue;
    const id = objectId(siteId, "device", unit);
    locks.push({ id, key: unit, name: name ?? entranceKey, unit, backupCodes: 0 });
  }
  return locks;
}

function cloudOf({ url, http, gateway, token, tls }: NonNullable<ConfigFile["cloud"]>): ConfiguredCloud {
  const { ca, certificate, key } = tls ?? {};
  const hasIdentity = certificate !== undefined && key !== undefined;
  return {
    mqttUrl: url ?? null,
    httpUrl: http ?? null,
    gatewayId: gateway.toLowerCase(),
    token,
    tls: {
      caPath: ca ?? null,
      identity: hasIdentity ? { certificatePath: certificate, key } : null,
    },
  };
}

/** A device without a named unit means its only one, which drivers call `main`. */
function fullUnit(unit: string): string {
  return unit.includes("/") ? unit : `${unit}/main`;
}
