import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import type { Json } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import {
  type CloudMessage,
  type GatewayMessage,
  LIMITS,
  type Message,
  MESSAGE_TYPES,
  messageSchema,
  type PageOut,
  type Presence,
  whereOf,
  WIRE_VERSION,
} from "./wire.js";

/**
 * The one form in which messages travel, on every carrier: `{v, session, messages: […]}`, JSON in UTF-8, optionally
 * gzip (known by its first bytes `1f 8b`).
 */
export type BodyFaultCode =
  | "body.too_big"
  | "body.gzip_broken"
  | "body.is_html"
  | "body.not_json"
  | "body.too_deep"
  | "body.version_unknown"
  | "body.malformed";
export interface Fault<Code extends string> {
  readonly code: Code;
  /** For a person; never holds a value of the body. */
  readonly message: string;
}

export type Received =
  | { readonly ok: true; readonly message: Message }
  | {
      readonly ok: false;
      /** `message.unknown` is a newer peer's and harmless; `message.malformed` is a broken peer's. */
      readonly fault: Fault<"message.unknown" | "message.malformed">;
      readonly type: string;
    };

export type BodyResult =
  | { readonly ok: true; readonly session: string | null; readonly messages: readonly Received[] }
  | { readonly ok: false; readonly fault: Fault<BodyFaultCode> };

export const bodySchema = z.object({
  v: z.string().max(20),
  session: z.string().max(200).nullable(),
  messages: z.array(z.unknown()).max(LIMITS.messagesPerBody),
});
const typeSchema = z.object({ type: z.string().max(100) });

/** Total: any bytes become messages or one fault; each message is good or bad by itself. */
export function parseBody(bytes: Uint8Array): BodyResult {
  const text = textOf(bytes);
  if (typeof text !== "string") return { ok: false, fault: text };
  if (isTooDeep(text)) return failed("body.too_deep", `brackets deeper than ${LIMITS.depth}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (/^\s*</.test(text))
      return failed("body.is_html", "a web page came instead of an answer of the cloud");
    return failed("body.not_json", "not JSON");
  }
  const body = bodySchema.safeParse(value);
  if (!body.success) return failed("body.malformed", whereOf(body.error));
  const [major] = body.data.v.split(".");
  if (major !== WIRE_VERSION.split(".")[0]) {
    return failed("body.version_unknown", `the other side does not speak version ${WIRE_VERSION}`);
  }
  return { ok: true, session: body.data.session, messages: body.data.messages.map(parseMessage) };
}

/** Checks one element of `messages`. */
export function parseMessage(value: unknown): Received {
  const head = typeSchema.safeParse(value);
  if (!head.success) return badMessage("message.malformed", "?", whereOf(head.error));
  const { type } = head.data;
  // The log names it: a word may stand there, and whatever else came in its place may not.
  if (!MESSAGE_TYPES.has(type))
    return badMessage(
      "message.unknown",
      /^[a-z_]{1,40}$/.test(type) ? type : "?",
      "this version knows no such message",
    );
  const parsed = messageSchema.safeParse(value);
  if (!parsed.success) return badMessage("message.malformed", type, whereOf(parsed.error));
  const fault = contradictionIn(parsed.data);
  if (fault !== null) return badMessage("message.malformed", type, fault);
  return { ok: true, message: parsed.data };
}

/** What a shape cannot say. */
function contradictionIn(message: Message): string | null {
  if (message.type !== "page") return null;
  const { from, to, head, items } = message;
  if (from > to || to > head) return "from, to, head: not in rising order";
  let last = from;
  for (const item of items) {
    const rev = item.ok ? item.item.rev : item.bad.rev;
    if (rev === null) continue;
    if (rev <= last || rev > to) return "items: a rev outside of the page's range or out of order";
    last = rev;
  }
  return null;
}

/** Where PINs leave as text: in `page.items[].secret` and `ev.secrets`. */
export function encodeBody(
  session: string | null,
  messages: readonly (GatewayMessage | Presence | CloudMessage)[],
  options: { readonly gzipFromBytes?: number } = {},
): Uint8Array {
  const text = JSON.stringify(revealed({ v: WIRE_VERSION, session, messages }));
  const bytes = new TextEncoder().encode(text);
  return bytes.length >= (options.gzipFromBytes ?? Infinity) ? gzipSync(bytes) : bytes;
}

/** A feed item as one line of a snapshot's chunk; its PIN leaves as text here too. */
export function encodeItem(item: PageOut["items"][number]): string {
  return JSON.stringify(revealed(item));
}

function revealed(value: unknown): Json {
  if (value instanceof Secret) return revealed(value.reveal());
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revealed(member)]));
  }
  return value as Json; // Messages hold JSON and secrets, nothing else.
}

function textOf(bytes: Uint8Array): string | Fault<BodyFaultCode> {
  if (bytes.length > LIMITS.bodyBytes) {
    return { code: "body.too_big", message: `more than ${LIMITS.bodyBytes} bytes` };
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return decodeUtf8(bytes);
  try {
    return decodeUtf8(gunzipSync(bytes, { maxOutputLength: LIMITS.inflatedBytes }));
  } catch (error) {
    const isBomb = error instanceof RangeError;
    return isBomb
      ? { code: "body.too_big", message: `more than ${LIMITS.inflatedBytes} bytes after gunzip` }
      : { code: "body.gzip_broken", message: "the gzip stream is broken" };
  }
}

function decodeUtf8(bytes: Uint8Array): string | Fault<BodyFaultCode> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { code: "body.not_json", message: "not UTF-8" };
  }
}

/** Counts brackets outside of strings, before anything walks the value. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isInString) {
      if (char === 0x5c) at++;
      else if (char === 0x22) isInString = false;
    } else if (char === 0x22) isInString = true;
    else if (char === 0x7b || char === 0x5b) depth++;
    else if (char === 0x7d || char === 0x5d) depth--;
    if (depth > LIMITS.depth) return true;
  }
  return false;
}

function failed(code: BodyFaultCode, message: string): BodyResult {
  return { ok: false, fault: { code, message } };
}

function badMessage(code: "message.unknown" | "message.malformed", type: string, message: string): Received {
  return { ok: false, fault: { code, message }, type };
}
