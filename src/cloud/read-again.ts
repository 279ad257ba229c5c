import type { QuarantinedItem } from "#src/engine/ports";
import type { FeedDocument } from "./sync-state.js";
import { parseItem } from "./wire.js";

/** Of the items that were kept because nobody could use them, those that this release understands. */
export function readAgain(items: readonly QuarantinedItem[]): readonly FeedDocument[] {
  return items.flatMap(({ raw, epoch, rev }) => {
    const result = parseItem(valueOf(raw));
    if (!result.ok || result.item.rev !== rev) return [];
    const { kind, id, spec, secret, verdict } = result.item;
    return [{ kind, id, epoch, rev, spec, code: secret, verdict }];
  });
}

function valueOf(raw: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(raw).toString("utf8"));
  } catch {
    return null;
  }
}
