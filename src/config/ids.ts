import { uuidV5 } from "#src/lib/uuid";

/** Kinds of objects that the configuration names, in Seam's words. */
export type ConfiguredKind = "acs_system" | "acs_entrance" | "acs_encoder" | "device";

/**
 * The id of a configured object: the same on the gateway and in the cloud without asking. It hangs on the key, so an
 * object under another key is another object.
 */
export function objectId(siteId: string, kind: ConfiguredKind, key: string): string {
  return uuidV5(siteId, `${kind}:${key}`);
}

/** Ids that stand for the site itself until the cloud names others. */
export function siteObjectId(siteId: string, kind: "workspace" | "connected_account"): string {
  return uuidV5(siteId, kind);
}
