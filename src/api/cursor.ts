import { createHash } from "node:crypto";

/** Where a page starts: after this row, in the order (createdAt, id). */
export interface CursorPosition {
  /** Epoch ms. */
  readonly createdAt: number;
  readonly id: string;
}

const SHAPE = /^(\d{1,16})\.([0-9A-Za-z_-]{1,100})\.([0-9a-f]{8}) {0,2}$/;

/**
 * Opaque to the caller. The text inside has only digits, letters, `.`, `-`, `_` and is padded with spaces to whole
 * groups of three, so that its base64 needs neither `+`, `/` nor `=`: it is at once the base64 that Seam's schema
 * declares and safe in a query string.
 */
export function encodeCursor({ createdAt, id }: CursorPosition): string {
  const text = `${createdAt}.${id}`;
  const signed = `${text}.${checksum(text)}`;
  return Buffer.from(signed.padEnd(Math.ceil(signed.length / 3) * 3), "latin1").toString("base64");
}

/** The position, or undefined for anything that `encodeCursor` did not make. */
export function decodeCursor(cursor: string): CursorPosition | undefined {
  if (!/^[0-9A-Za-z]{4,200}$/.test(cursor)) return undefined;
  const match = SHAPE.exec(Buffer.from(cursor, "base64").toString("latin1"));
  const [, createdAt = "", id = "", sum = ""] = match ?? [];
  if (match === null || sum !== checksum(`${createdAt}.${id}`)) return undefined;
  return { createdAt: Number(createdAt), id };
}

/** Tells a mangled cursor from a whole one. It is no secret: a cursor grants nothing. */
function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
