import { Secret } from "#src/lib/secret";

/**
 * What crosses between the gateway and a driver's process, as JSON: plain objects and lists, bytes, maps, secrets, one
 * abort signal a call, and functions, which stay where they are and are called from the other side. Everything that
 * JSON has no word for is an object with the member `$`.
 */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/** Deeper than anything a driver says; what goes on for ever ends here. */
const DEPTH_MAX = 64;

export interface Lender {
  /** The signal of the call that this value is part of. */
  signal(signal: AbortSignal): void;
  /** Keeps the function to be called from the other side; answers the number it is asked for by. */
  lend(work: (...args: never[]) => unknown): number;
}

/** Throws `TypeError` for what is not plain: an instance of a class, a symbol, a big integer. */
export function toPlain(value: unknown, lender: Lender, depth = 0): Plain {
  if (depth > DEPTH_MAX) throw new TypeError("what crosses is nested too deeply, or in itself");
  const inner = (member: unknown) => toPlain(member, lender, depth + 1);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : { $: "number", of: String(value) };
  if (value === undefined) return { $: "undefined" };
  if (typeof value === "function") return { $: "function", of: lender.lend(value as () => unknown) };
  if (Array.isArray(value)) return value.map(inner);
  if (value instanceof Secret) return { $: "secret", of: inner(value.reveal()) };
  if (value instanceof Uint8Array) return { $: "bytes", of: Buffer.from(value).toString("base64") };
  if (value instanceof Map) return { $: "map", of: [...value].map(inner) };
  if (value instanceof AbortSignal) {
    lender.signal(value);
    return { $: "signal", of: value.aborted };
  }
  if (typeof value !== "object" || !isPlainObject(value)) {
    throw new TypeError(
      `only plain data crosses to a driver's process and back, and this is ${nameOf(value)}`,
    );
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => [name, inner(boundTo(value, member))] as const);
  const object = Object.fromEntries(members);
  return Object.hasOwn(object, "$") ? { $: "object", of: object } : object;
}

/** What came is nothing that `toPlain` makes. */
export class NotUnderstood extends Error {
  override readonly name = "NotUnderstood";
}

export interface Borrower {
  /** The signal of the call that this value is part of. */
  signal(isAborted: boolean): AbortSignal;
  /** The function of the other side with this number. */
  borrow(number: number): (...args: unknown[]) => Promise<unknown>;
}

/** The value again; bytes and maps are new ones. Throws `NotUnderstood`, whatever it is given. */
export function fromPlain(plain: unknown, borrower: Borrower, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new NotUnderstood("nested too deeply");
  const inner = (member: unknown) => fromPlain(member, borrower, depth + 1);
  if (Array.isArray(plain)) return plain.map(inner);
  if (typeof plain !== "object" || plain === null) return plain;
  if (!Object.hasOwn(plain, "$")) return objectOf(plain, inner);
  const { $: kind, of } = plain as { readonly $?: unknown; readonly of?: unknown };
  switch (kind) {
    case "undefined":
      return undefined;
    case "number":
      return Number(of);
    case "secret":
      return new Secret(inner(of));
    case "bytes":
      if (typeof of === "string") return Uint8Array.from(Buffer.from(of, "base64"));
      break;
    case "map":
      if (Array.isArray(of) && of.every(isPair))
        return new Map(of.map(([key, value]) => [inner(key), inner(value)]));
      break;
    case "signal":
      if (typeof of === "boolean") return borrower.signal(of);
      break;
    case "function":
      if (typeof of === "number") return borrower.borrow(of);
      break;
    case "object":
      if (typeof of === "object" && of !== null) return objectOf(of, inner);
  }
  throw new NotUnderstood("an object of no known kind");
}

function objectOf(plain: object, inner: (member: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(plain).map(([name, member]) => [name, inner(member)]));
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A method that is called by itself still knows whose it is. */
function boundTo(owner: object, member: unknown): unknown {
  return typeof member === "function"
    ? (...args: unknown[]) => Reflect.apply(member as (...all: unknown[]) => unknown, owner, args)
    : member;
}

function nameOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return `an instance of ${value.constructor.name}`;
}

function isPair(value: unknown): value is readonly [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}
