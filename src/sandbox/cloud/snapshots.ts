import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { encodeItem } from "#src/cloud/body";
import { type Chunk, LIMITS, type Snapshot } from "#src/cloud/wire";
import { Secret } from "#src/lib/secret";
import type { Feed } from "./feed.js";

interface Kept {
  readonly manifest: Snapshot;
  readonly chunks: readonly Buffer[];
}

/** The feed as a whole, in chunks. The newest snapshot is kept, so that a gateway can go on where it was cut off. */
export class Snapshots {
  readonly #feed: Feed;
  readonly #newId: () => string;
  readonly #chunkBytes: number;
  #kept: Kept | null = null;

  constructor(feed: Feed, newId: () => string, chunkBytes: number = LIMITS.chunkBytes) {
    this.#feed = feed;
    this.#newId = newId;
    this.#chunkBytes = chunkBytes;
  }

  /** One from which the feed can be continued. `ingested`: what of the journals is in it. */
  offer(ingested: Record<string, number>): Snapshot {
    const { epoch, floor } = this.#feed;
    const kept = this.#kept?.manifest;
    const isGood = kept?.epoch.n === epoch.n && kept.epoch.id === epoch.id && kept.rev >= floor;
    if (!isGood) this.#kept = this.#make(ingested);
    const { manifest } = this.#kept ?? this.#make(ingested);
    return manifest;
  }

  /** undefined: that snapshot is not kept any more. */
  chunk(id: string, n: number): Chunk | undefined {
    if (this.#kept?.manifest.id !== id) return undefined;
    const bytes = this.#kept.chunks[n];
    if (bytes === undefined) return undefined;
    return { type: "chunk", snapshot: id, n, data: new Secret(bytes.toString("base64")) };
  }

  forget(): void {
    this.#kept = null;
  }

  #make(ingested: Record<string, number>): Kept {
    const chunks: Buffer[] = [];
    let lines: string[] = [];
    let size = 0;
    let count = 0;
    const cut = (): void => {
      if (lines.length > 0) chunks.push(gzipSync(lines.join("\n")));
      [lines, size] = [[], 0];
    };
    for (const item of this.#feed.items()) {
      const line = encodeItem(item);
      const bytes = Buffer.byteLength(line) + 1;
      if (size + bytes > this.#chunkBytes) cut();
      lines.push(line);
      size += bytes;
      count += 1;
    }
    cut();
    const manifest: Snapshot = {
      id: this.#newId(),
      epoch: this.#feed.epoch,
      rev: this.#feed.head,
      ingested,
      count,
      chunks: chunks.map((bytes) => ({
        sha256: createHash("sha256").update(bytes).digest("hex"),
        bytes: bytes.length,
      })),
    };
    return { manifest, chunks };
  }
}
