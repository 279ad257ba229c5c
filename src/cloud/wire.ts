import { z } from "zod";
import { OBJECT_KINDS, type ObjectKind, specSchemas } from "#src/domain/spec";
import { simulationOrder } from "#src/domain/simulation-order";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";

/**
 * What travels between cloud and gateway, whatever carries it. `body.ts` turns bytes into these and back;
 * `docs/wire.md` shows one of each. Counters are JSON integers up to 2^53−1; instants are epoch milliseconds.
 */
export const WIRE_VERSION = "1.0";

/** Limits that both sides keep. */
export const LIMITS = {
  pageItems: 100,
  batchEvents: 200,
  /** Of the events of one batch as JSON; a single larger event travels alone. */
  batchBytes: 64 * 1024,
  /** Batches sent and not acknowledged. */
  batchesInFlight: 4,
  /** Of one body as it travels. */
  bodyBytes: 1024 * 1024,
  /** Of one body after gunzip. */
  inflatedBytes: 4 * 1024 * 1024,
  /** Brackets within brackets; what is deeper could overflow the stack of whoever walks it. */
  depth: 200,
  messagesPerBody: 64,
  /** Of a snapshot's chunk as JSON lines, and as the gzip that travels. */
  chunkBytes: 1024 * 1024,
  chunkGzipBytes: 700 * 1024,
  /** Of one snapshot: far beyond what one site holds. */
  chunks: 4_096,
} as const;

const counter = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const name = z.string().min(1).max(200);
const pin = z
  .string()
  .min(1)
  .max(64)
  .transform((value) => new Secret(value));
const epoch = z.object({ n: counter, id: name });
export type Epoch = z.infer<typeof epoch>;

// ── Feed items ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Of a page, and of each line of a snapshot's chunk. */
export const feedItem = z.object({
  rev: counter.min(1),
  kind: z.enum(OBJECT_KINDS),
  id: name,
  /** `forget` is the tombstone: its spec says `state: "forgotten"`. */
  op: z.enum(["put", "forget"]),
  spec: z.record(z.string(), z.json()),
  /** SHA-256 over the canonical JSON (RFC 8785) of `spec`. */
  spec_hash: z.string(),
  /** The PIN that belongs to the object; never in `spec`. */
  secret: pin.nullish().transform((value) => value ?? null),
  /** Set when the change answers a change made at the desk. */
  verdict: z
    .enum(["adopted", "refused"])
    .nullish()
    .transform((value) => value ?? null),
});

/** One change of the feed that passed every check. */
export interface FeedItem {
  readonly rev: number;
  readonly kind: ObjectKind;
  readonly id: string;
  readonly op: "put" | "forget";
  readonly spec: JsonObject;
  readonly secret: Secret<string> | null;
  readonly verdict: "adopted" | "refused" | null;
}

/** One change that did not: it blocks itself and nothing else. `raw` may hold a PIN: keep it sealed. */
export interface BadItem {
  readonly rev: number | null;
  readonly kind: string;
  readonly id: string;
  readonly code: "item.malformed" | "item.kind_unknown" | "item.spec_invalid" | "item.hash_wrong";
  /** Names the member at fault, never its value. */
  readonly message: string;
  readonly raw: Secret<Uint8Array>;
}

export type ItemResult =
  { readonly ok: true; readonly item: FeedItem } | { readonly ok: false; readonly bad: BadItem };

/** Checks one element of `page.items`. Total: whatever it is, it becomes an item or a bad item. */
export function parseItem(value: unknown): ItemResult {
  const bad = (code: BadItem["code"], message: string): ItemResult => ({
    ok: false,
    bad: {
      ...labelOf(value),
      code,
      message,
      raw: new Secret(new TextEncoder().encode(JSON.stringify(value))),
    },
  });
  const { kind } = labelOf(value);
  if (kind !== "" && !isObjectKind(kind)) return bad("item.kind_unknown", "this version knows no such kind");
  const parsed = feedItem.safeParse(value);
  if (!parsed.success) return bad("item.malformed", whereOf(parsed.error));
  const { spec_hash: specHash, ...rest } = parsed.data;
  const item = { ...rest, spec: rest.spec as JsonObject }; // z.json() yields exactly that, without readonly.
  const checked = specSchemas[item.kind].safeParse(item.spec);
  if (!checked.success) return bad("item.spec_invalid", whereOf(checked.error));
  if ("code" in item.spec) return bad("item.spec_invalid", "code: a PIN travels beside the spec, not in it");
  if (item.spec[`${item.kind}_id`] !== item.id) {
    return bad("item.spec_invalid", `${item.kind}_id: not the id of the item`);
  }
  if ((item.op === "forget") !== (checked.data.state === "forgotten")) {
    return bad("item.spec_invalid", "state: forgotten goes with op forget, and only with it");
  }
  if (fingerprintOf(item.spec) !== specHash) return bad("item.hash_wrong", "spec_hash: not the hash of spec");
  return { ok: true, item };
}

function isObjectKind(kind: string): kind is ObjectKind {
  return OBJECT_KINDS.some((known) => known === kind);
}

const label = z.object({
  rev: counter.min(1).nullable().catch(null),
  kind: z.string().max(200).catch(""),
  id: z.string().max(200).catch(""),
});

function labelOf(value: unknown): z.infer<typeof label> {
  const parsed = label.safeParse(value);
  return parsed.success ? parsed.data : { rev: null, kind: "", id: "" };
}

/** Path and complaint of the first fault; no values, which may be secret. */
export function whereOf(error: z.ZodError): string {
  const [first] = error.issues;
  if (first === undefined) return "not as expected";
  const path = first.path.map(String).join(".").slice(0, 200);
  return `${path === "" ? "message" : path}: ${first.code.replaceAll("_", " ")}`;
}

// ── Cloud → gateway ──────────────────────────────────────────────────────────────────────────────────────────────

const welcome = z.object({
  type: z.literal("welcome"),
  session: name,
  nonce_echo: z.string(),
  epoch,
  head: counter,
  /** Oldest cursor from which the feed can be continued. */
  floor: counter,
  ingested: z.record(z.string(), counter),
  /** First journal seq the cloud wants; lower than it once acknowledged after the cloud was restored. */
  want_from: counter.min(1),
  /** The cloud's clock. */
  time: z.number(),
});

const page = z.object({
  type: z.literal("page"),
  epoch,
  /** Covers every change with `from < rev ≤ to`. */
  from: counter,
  to: counter,
  head: counter,
  /** What the cloud had taken in of each journal when it made this page: desk changes up to there are ruled on. */
  ingested: z.record(z.string(), counter),
  items: z
    .array(z.unknown())
    .max(LIMITS.pageItems)
    .transform((items) => items.map(parseItem)),
});

const ack = z.object({
  type: z.literal("ack"),
  jid: name,
  /** Highest seq folded in without a hole. */
  ingested: counter,
  refused: z.array(z.object({ seq: counter, code: z.string().max(200) })).max(LIMITS.batchEvents),
});

const cmdHead = {
  type: z.literal("cmd"),
  /** Equals the action attempt's id. */
  cmd: name,
  session: name,
  /** The command is about a feed that has come this far. */
  needs_rev: counter,
  /** Counted from arrival on the monotonic clock; never extended. */
  life_ms: counter.max(24 * 3_600_000),
  issued_at: z.number(),
  by: z.string().max(200),
};
const cmd = z.discriminatedUnion("act", [
  z.object({
    ...cmdHead,
    act: z.literal("encode"),
    target: z.object({ encoder_id: name, credential_id: name }),
    /** Refused unless the gateway's generation is this; null: not checked. */
    expect_gen: counter.nullish().transform((value) => value ?? null),
  }),
  z.object({ ...cmdHead, act: z.literal("scan"), target: z.object({ encoder_id: name }) }),
  z.object({ ...cmdHead, act: z.literal("erase"), target: z.object({ encoder_id: name }) }),
  z.object({
    ...cmdHead,
    act: z.literal("scan_to_assign"),
    target: z.object({ encoder_id: name, user_id: name }),
  }),
  z.object({ ...cmdHead, act: z.literal("lock_door"), target: z.object({ device_id: name }) }),
  z.object({ ...cmdHead, act: z.literal("unlock_door"), target: z.object({ device_id: name }) }),
  /** Only a sandbox carries it out: its hardware is simulated. */
  z.object({
    ...cmdHead,
    act: z.literal("simulate"),
    target: simulationOrder,
    /** The PIN of which the order speaks. */
    secret: pin.nullish().transform((value) => value ?? null),
  }),
]);

/** The whole feed as it stood at `rev`, in chunks that are fetched one by one. */
const snapshot = z.object({
  id: name,
  epoch,
  rev: counter,
  /** As of a page: what the cloud had taken in of each journal when it made the snapshot. */
  ingested: z.record(z.string(), counter),
  /** Of the items of all chunks. */
  count: counter,
  /** In order; a chunk is known by its place. Both are of the gzip. */
  chunks: z
    .array(
      z.object({
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        bytes: counter.max(LIMITS.chunkGzipBytes),
      }),
    )
    .max(LIMITS.chunks),
});

/** Answers a pull that cannot be continued from where the gateway is. */
const gone = z.object({
  type: z.literal("gone"),
  /** Of the pull: an answer to another one is passed over. */
  req: name,
  epoch,
  floor: counter,
  reason: z.enum(["floor", "epoch", "damaged"]),
  snapshot,
});

/** One chunk of a snapshot: JSON lines, one item each, as gzip in base64. Its items may hold PINs. */
const chunk = z.object({
  type: z.literal("chunk"),
  snapshot: name,
  n: counter,
  data: z
    .string()
    .max(Math.ceil(LIMITS.chunkGzipBytes / 3) * 4)
    .transform((value) => new Secret(value)),
});

const ctl = z.discriminatedUnion("order", [
  /** Begin again with hello. */
  z.object({ type: z.literal("ctl"), order: z.literal("hello"), reason: z.string().max(500) }),
  /** Stay away for a while. */
  z.object({ type: z.literal("ctl"), order: z.literal("throttle"), retry_after_ms: counter.max(3_600_000) }),
]);

/** Where the feed stands; a hint and no more. Over MQTT the broker keeps the newest one for whoever looks. */
const head = z.object({ type: z.literal("head"), epoch, head: counter, floor: counter });

// ── Gateway → cloud ──────────────────────────────────────────────────────────────────────────────────────────────

const timeQuality = z.enum(["trusted", "estimated", "unknown"]);

const hello = z.object({
  type: z.literal("hello"),
  gateway: name,
  /** Rises by one at every start of the link. */
  boot: counter,
  jid: name,
  seq_last: counter,
  seq_acked: counter,
  /** null: nothing of any feed is stored. */
  epoch: epoch.nullable(),
  rev: counter,
  caps: z.object({ kinds: z.array(z.string()).max(100), enc: z.array(z.string()).max(100) }),
  sw: z.string().max(200),
  time: z.object({ utc: z.number(), quality: timeQuality, mono: z.number() }),
  nonce: name,
  transport: z.string().max(50),
});

const pull = z.object({ type: z.literal("pull"), req: name, epoch, since: counter });

/** Asks for one chunk. A cloud that keeps the snapshot no longer answers with `gone` and another one. */
const fetchChunk = z.object({ type: z.literal("fetch"), req: name, snapshot: name, n: counter });

const evBatch = z.object({
  type: z.literal("ev"),
  jid: name,
  /** Each element is checked by itself, by the reader: a bad event blocks only itself. */
  events: z.array(z.record(z.string(), z.unknown())).min(1).max(LIMITS.batchEvents),
  /** PINs that events name by `code_ref`. */
  secrets: z.record(z.string(), pin),
});

const live = z.object({
  type: z.literal("live"),
  cmd: name,
  step: z.string().max(50),
  say: z.string().max(500),
});

/**
 * Presence, where a broker keeps it: told when a session began, and left behind as the last will. `online: false` says
 * that this connection (`boot` and `connection`) ended, and nothing of another: a will may come late.
 */
const state = z.object({
  type: z.literal("state"),
  online: z.boolean(),
  boot: counter,
  /** Rises by one with every connection since that start. */
  connection: counter,
});

export const messageSchema = z.discriminatedUnion("type", [
  welcome,
  page,
  ack,
  cmd,
  gone,
  chunk,
  ctl,
  head,
  hello,
  pull,
  fetchChunk,
  evBatch,
  live,
  state,
]);
export const MESSAGE_TYPES: ReadonlySet<string> = new Set<Message["type"]>([
  "welcome",
  "page",
  "ack",
  "cmd",
  "gone",
  "chunk",
  "ctl",
  "head",
  "hello",
  "pull",
  "fetch",
  "ev",
  "live",
  "state",
]);

export type Message = z.infer<typeof messageSchema>;
export type Welcome = z.infer<typeof welcome>;
export type Page = z.infer<typeof page>;
export type Command = z.infer<typeof cmd>;
/** What a command orders, without what surrounds it. */
export type CommandOrder = Command extends infer C
  ? C extends Command
    ? Omit<C, keyof typeof cmdHead>
    : never
  : never;
export type Hello = z.infer<typeof hello>;
export type Pull = z.infer<typeof pull>;
export type Gone = z.infer<typeof gone>;
export type Snapshot = z.infer<typeof snapshot>;
export type Chunk = z.infer<typeof chunk>;
export type FetchChunk = z.infer<typeof fetchChunk>;
export type Head = z.infer<typeof head>;
export type Presence = z.infer<typeof state>;
export type EventBatch = z.infer<typeof evBatch>;

/** A page as it is written: its items are good by construction, each with the hash of its spec. */
export type PageOut = Omit<Page, "items"> & {
  readonly items: readonly (FeedItem & { readonly spec_hash: string })[];
};

/** What a gateway says. */
export type GatewayMessage = Extract<Message, { type: "hello" | "pull" | "fetch" | "ev" | "live" }>;
/** What a cloud says. */
export type CloudMessage = Exclude<Message, GatewayMessage | Presence | Page> | PageOut;
