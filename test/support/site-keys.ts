import type { SiteKeys } from "#src/cards/site-keys";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

/** The site's keys of one version: the same issuer, and a master of that version's bytes. */
export const siteKeys = (version: number): SiteKeys => ({
  version,
  issuer: new Secret(fromHex("0badcafe")),
  cardMaster: new Secret(new Uint8Array(16).fill(version)),
});
