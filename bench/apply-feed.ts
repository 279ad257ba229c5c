import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBody } from "#src/cloud/body";
import type { CloudMessage, Snapshot } from "#src/cloud/wire";
import { CloudSite } from "#src/sandbox/cloud/site";
import { realClock } from "#src/ops/clock";

/** Makes what a cloud would send, in a process of its own, so that none of its memory counts as the gateway's. */
const [folder = "", items = "0", changes = "0"] = process.argv.slice(2);
const SYSTEM = "aaaaaaaa-0000-4000-8000-000000000001";
const ROOM = "bbbbbbbb-0000-4000-8000-000000000101";
const GZIP_FROM = 8 * 1024;

const site = new CloudSite({ siteId: "s", gatewayId: "g", clock: realClock });

function put(n: number, endsAt: string): void {
  const id = `c0000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  site.put({
    kind: "acs_credential",
    id,
    spec: {
      acs_credential_id: id,
      acs_system_id: SYSTEM,
      acs_user_id: null,
      display_name: `Guest ${n}`,
      access_method: "card",
      allowed_acs_entrance_ids: [ROOM],
      starts_at: null,
      ends_at: endsAt,
      is_one_time_use: false,
      has_code: false,
      state: "active",
      created_at: "2026-11-22T10:00:00.000Z",
    },
    code: null,
  });
}

/** Bodies one after the other, and how long each is. */
function keep(name: string, messages: Iterable<CloudMessage>): void {
  const lengths: number[] = [];
  writeFileSync(join(folder, name), "");
  for (const message of messages) {
    const bytes = encodeBody("s", [message], { gzipFromBytes: GZIP_FROM });
    appendFileSync(join(folder, name), bytes);
    lengths.push(bytes.length);
  }
  writeFileSync(join(folder, `${name}.lengths`), JSON.stringify(lengths));
}

function* pagesFrom(since: number): Generator<CloudMessage> {
  for (let from = since; from < site.feed.head;) {
    const page = site.feed.page(from);
    yield page;
    from = page.to;
  }
}

function* chunksOf({ id, chunks }: Snapshot): Generator<CloudMessage> {
  for (const n of chunks.keys()) {
    const chunk = site.snapshots.chunk(id, n);
    if (chunk !== undefined) yield chunk;
  }
}

for (let n = 0; n < Number(items); n++) put(n, "2026-11-30T11:00:00.000Z");
keep("first", pagesFrom(0));
site.raiseFloor();
const snapshot = site.snapshots.offer({});
keep("chunks", chunksOf(snapshot));
const { head } = site.feed;
for (let n = 0; n < Number(changes); n++) put(n * 5, "2026-12-24T11:00:00.000Z");
keep("later", pagesFrom(head));
writeFileSync(join(folder, "snapshot.json"), JSON.stringify({ snapshot, head: site.feed.head }));
