import { z } from "zod";
import { badgeFormatSchema } from "#src/cards/badge-format";
import { cardProfileSchema } from "#src/cards/profile";
import { DOOR_MODES } from "#src/domain/doors/decide";
import { isUuid } from "#src/lib/uuid";
import { Secret } from "#src/lib/secret";

/**
 * The configuration file, as a person writes it. Durations carry their unit in the key. What lies beside `driver` and
 * `port` under a device is the driver's own and is parsed by the driver's schema.
 */
const key = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    "a key has 1 to 64 letters, digits, - and _, and begins with a letter or digit",
  );
const name = z.string().trim().min(1).max(200);
const uuid = z.string().refine(isUuid, "must be a UUID, like 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10");
const ownId = uuid
  .optional()
  .describe("Fixed id in the API; without it one is made of the site's id and the key.");
const unit = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*(\/[A-Za-z0-9][A-Za-z0-9_.:-]*)?$/, "must be a device, or device/unit");
const absolutePath = z.string().startsWith("/", "must be an absolute path");

/** A secret: by reference, or inline where that is good enough. */
export const secretText = z
  .union([z.instanceof(Secret), z.string().min(1)])
  .transform((value): Secret<string> => (value instanceof Secret ? value.map(String) : new Secret(value)));

const site = z
  .strictObject({
    id: uuid.describe("Made once for this site (`uuidgen`); every other id comes from it."),
    name,
    time_zone: z.string().describe("IANA name, like Europe/Lisbon."),
  })
  .describe("The property.");

const device = z
  .looseObject({
    driver: z.string().describe("Folder of the driver."),
    port: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Where it is plugged in, by the name that lockbridge devices shows: under /dev/serial/by-id, of twins under /dev/serial/by-path, or hid:VENDOR:PRODUCT.",
      ),
  })
  .describe("Hardware, by key. What else stands here is the driver's own.");

const system = z.strictObject({
  id: ownId,
  name: name.optional(),
  external_type: z.string().min(1).optional(),
  card_profiles: z.array(z.string()).default([]).describe("Card profiles, the preferred one first."),
  badge_formats: z
    .array(z.string())
    .min(1)
    .optional()
    .describe("Formats of badges that people have already; without it, the well-known ones."),
});

const encoder = z.strictObject({
  id: ownId,
  name: name.optional(),
  system: z.string().describe("The system it makes cards for."),
  unit: unit.describe("The device that does it, or device/unit."),
});

const entrance = z
  .strictObject({
    id: ownId,
    name: name.optional(),
    system: z.string(),
    door: z.int().min(1).max(65_535).optional().describe("Number of a guest door; a card opens at most one."),
    zone: z.int().min(0).max(31).optional().describe("Number of a shared zone."),
    keypad: unit.optional().describe("Its keypad or reader: a device, or device/unit."),
    opens_with: z
      .enum(DOOR_MODES)
      .optional()
      .describe("Where the gateway decides: what opens it. Without it, a PIN."),
    open_s: z
      .number()
      .min(0.1)
      .max(600)
      .optional()
      .describe("Where the gateway decides: how long it opens. Without it, 5."),
  })
  .refine(({ keypad, opens_with, open_s }) => keypad !== undefined || (opens_with ?? open_s) === undefined, {
    message: "opens_with and open_s are for an entrance with a keypad or reader, and it names none",
  });

const lock = z.strictObject({
  id: ownId,
  name: name.optional(),
  unit: unit.describe("The keypad or lock: a device, or device/unit."),
  backup_codes: z
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe("So many codes are kept ready on it for guests whose own does not work."),
});

const cloud = z.strictObject({
  url: z.string().optional().describe("MQTT: mqtts:// or wss://. Preferred where both addresses stand."),
  http: z.string().optional().describe("HTTP: https://. Used alone, or while MQTT does not work."),
  tls: z
    .strictObject({
      ca: absolutePath.optional().describe("Authorities (PEM) to trust instead of the system's."),
      certificate: absolutePath.optional().describe("This gateway's own certificate (PEM), with its key."),
      key: secretText.optional().describe("PEM; best as ${credential:cloud-key} or ${file:/path}."),
    })
    .optional()
    .describe("For a cloud with authorities of its own, or one that wants a client certificate."),
  gateway: uuid.describe("This gateway's id in the cloud."),
  token: secretText.describe("Best as ${credential:cloud-token}."),
});

const api = z.strictObject({
  host: z.string().min(1).default("127.0.0.1"),
  port: z.int().min(0).max(65_535).default(8480),
  tls: z
    .strictObject({ certificate: absolutePath, key: secretText.describe("PEM; best as ${file:/path}.") })
    .optional(),
  requests_per_second: z
    .number()
    .min(1)
    .max(10_000)
    .default(300)
    .describe("How often one token may ask in the long run; twice as often at once after a rest."),
  allowed_origins: z
    .array(
      z
        .string()
        .regex(/^(\*|https?:\/\/[^/\s]+)$/, "must be an origin like https://app.example, or * for all"),
    )
    .default([])
    .describe("Whose pages may read answers in a browser (CORS); none unless named."),
});

const days = (least: number) => z.number().min(least).max(36_500);
const seconds = z.number().positive().max(3_600);

export const configSchema = z.strictObject({
  site,
  devices: z.record(key, device).default({}),
  systems: z.record(key, system).default({}),
  card_profiles: z.record(key, cardProfileSchema).default({}),
  badge_formats: z
    .record(key, badgeFormatSchema)
    .default({})
    .describe("Formats of badges beside the well-known H10301, H10306, H10304, H10302 and C1000-35."),
  encoders: z.record(key, encoder).default({}),
  entrances: z.record(key, entrance).default({}),
  locks: z
    .record(key, lock)
    .default({})
    .describe("Keypads and locks, where more is to be said of them than that an entrance has one."),
  cloud: cloud.optional().describe("Without it the gateway is its own authority."),
  offline: z
    .strictObject({
      hours: z.number().min(0).max(8_760).default(72),
      keys: z.int().min(0).max(100_000).default(200),
    })
    .prefault({})
    .describe("How long, and how many cards, may be written without word from the cloud."),
  limits: z
    .strictObject({
      card_wait_s: seconds.default(60).describe("How long an encoder waits for a card."),
      job_s: seconds.default(120).describe("How long a job may take at the encoder."),
      command_s: seconds.default(150).describe("How long a command may wait and run in all."),
    })
    .prefault({}),
  retention: z
    .strictObject({
      events_days: days(1).default(90).describe("Events, for apps that list them."),
      attempts_days: days(30).default(30).describe("Action attempts, from their end."),
      audit_days: days(1).default(400).describe("Who changed what."),
    })
    .prefault({})
    .describe("How long is kept what only grows. The journal is kept whole."),
  api: api.prefault({}).describe("The HTTP API, for apps and the seam SDK."),
  socket: absolutePath
    .default("/run/lockbridge/lockbridge.sock")
    .describe("Where the command line talks to the daemon."),
  state_dir: absolutePath.default("/var/lib/lockbridge").describe("Everything that must survive a restart."),
  log: z
    .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info") })
    .prefault({}),
});
export type ConfigFile = z.infer<typeof configSchema>;

/** The schema that editors complete from. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema }) {
      // In the file a secret is a text; the wrapped form exists only after references were read.
      if (zodSchema === secretText || zodSchema === secretText.in) {
        delete jsonSchema.anyOf;
        jsonSchema.type = "string";
      }
    },
  });
  return { title: "Lockbridge configuration", ...schema };
}
