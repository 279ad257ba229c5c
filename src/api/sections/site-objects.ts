import type { z } from "zod";
import type { Inventory } from "#src/domain/inventory";
import type { Observed } from "#src/domain/observed";
import type { ObservedCode } from "#src/domain/observed-code";
import {
  type AccessCodeSpec,
  accessCodeSpec,
  type AcsAccessGroupSpec,
  acsAccessGroupSpec,
  type AcsCredentialSpec,
  acsCredentialSpec,
  type AcsUserSpec,
  acsUserSpec,
  type DeviceSpec,
  type ObjectKind,
} from "#src/domain/spec";
import { frozen } from "#src/lib/frozen";
import type { JsonObject } from "#src/lib/json";
import { Remembered } from "#src/lib/remembered";
import type { Secret } from "#src/lib/secret";
import { missing } from "../fault.js";
import type { Caller } from "../model.js";

/**
 * What the sections of the Seam model stand on: desired documents, wherever they are kept, and what is known of them.
 * The gateway's engine and the stand-in cloud each implement it; whatever a section decides is so the same on both.
 */
export interface SiteObjects {
  inventory(): Inventory;
  /** Hardware is simulated. */
  readonly isSandbox: boolean;
  /** Epoch ms: wall time, and what has surely passed. */
  now(): number;
  certain(): number;
  random(size: number): Uint8Array;
  newId(): string;
  /** When this side first saw a thing of the configuration, epoch ms. */
  seenAt(id: string): number;
  /** undefined also for what is gone. */
  get(kind: ObjectKind, id: string): SiteObject | undefined;
  /** In the order (createdAt, id); gone ones are not among them. */
  list(kind: ObjectKind, query: ObjectQuery): readonly SiteObject[];
  /** All of them or none; a document with `state: "deleted"` is the wish that its object go. */
  change(documents: readonly SiteDocument[], by: Caller, what: string): void;
}

export interface SiteObject {
  readonly kind: ObjectKind;
  readonly id: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
  /** Of a credential, and of an access code; null while nothing is known. */
  readonly observed: Observed | null;
  readonly observedCode: ObservedCode | null;
  /** What keeps the document from being carried out. */
  readonly problem: { readonly code: string; readonly message: string; readonly at: number } | null;
}

export interface SiteDocument {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
}

export interface ObjectQuery {
  /** Its access system; of an access code, its lock. */
  readonly systemId?: string | undefined;
  readonly userId?: string | undefined;
  readonly createdBefore?: number | undefined;
  /** Case-insensitive; looks into ids, names and addresses. */
  readonly search?: string | undefined;
  /** A whole PIN: with `search` too, an object that matches either is listed. */
  readonly code?: Secret<string> | undefined;
  /** Of access codes: ours, or somebody else's. */
  readonly isManaged?: boolean | undefined;
  /** A list of the document that has this member. */
  readonly holds?: HeldMember | undefined;
  readonly limit: number;
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined;
}

export interface HeldMember {
  readonly list:
    "allowed_acs_entrance_ids" | "acs_access_group_ids" | "granted_acs_entrance_ids" | "acs_entrance_ids";
  readonly member: string;
}

/** Far beyond what one site has of what is asked for whole. */
export const ALL = 1_000_000;

/** What of the newest documents is not worked out again: as many as the store remembers. */
export const REMEMBERED = 4_000;

// Documents were checked when they were stored; what does not fit its kind is a fault of this server.

export const userSpecOf = parsedOnce<AcsUserSpec>(acsUserSpec);
export const credentialSpecOf = parsedOnce<AcsCredentialSpec>(acsCredentialSpec);
export const groupSpecOf = parsedOnce<AcsAccessGroupSpec>(acsAccessGroupSpec);
export const codeSpecOf = parsedOnce<AccessCodeSpec>(accessCodeSpec);

/** A document is never changed, another takes its place: so each is parsed once, however often it is shown. */
function parsedOnce<S extends Spec>(schema: z.ZodType<S>): (object: SiteObject) => S {
  const known = new Remembered<{ readonly spec: JsonObject; readonly parsed: S }>(REMEMBERED);
  return ({ id, spec }) => {
    const before = known.get(id);
    if (before?.spec === spec) return before.parsed;
    const parsed = frozen(schema.parse(spec));
    known.set(id, { spec, parsed });
    return parsed;
  };
}

/** Throws `SeamError` 404. */
export function objectOf(site: SiteObjects, kind: ObjectKind, id: string): SiteObject {
  const object = site.get(kind, id);
  if (object === undefined) throw missing(kind, id);
  return object;
}

type Spec = AcsUserSpec | AcsCredentialSpec | AcsAccessGroupSpec | AccessCodeSpec | DeviceSpec;

export function documentOf(
  kind: ObjectKind,
  id: string,
  spec: Spec,
  code: Secret<string> | null = null,
): SiteDocument {
  return { kind, id, spec: asJson(spec), code };
}

/** A parsed document is JSON; its type allows absent members, which JSON leaves out. */
function asJson(spec: Spec): JsonObject {
  return JSON.parse(JSON.stringify(spec)) as JsonObject;
}
