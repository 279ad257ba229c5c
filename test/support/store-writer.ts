/**
 * A process that writes to a store until it is killed or the disk refuses, and says on stdout what it was promised:
 * a line a commit. Arguments: the path of the store.
 */
import { writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import type { JournalEvent } from "#src/domain/journal";
import { Secret } from "#src/lib/secret";
import { openStore } from "#src/store/store";
import { StoreError } from "#src/store/store-error";

const path = process.argv[2] ?? "";
const say = (line: string) => writeSync(1, `${line}\n`);
const caughtUp = (rev: number): JournalEvent => ({
  k: "caught_up",
  t: 0,
  tq: "unknown",
  base_rev: rev,
  data: { rev },
});

let fatal = 0;
say("opening");
const store = openStore({
  path,
  sealingKey: new Secret(new Uint8Array(32).fill(7)),
  random: randomBytes,
  onFatal: () => (fatal += 1),
});

/** One logical change over four tables. */
function write(n: number): void {
  store.transaction(() => {
    store.meta.set("written", n);
    store.journal.append(caughtUp(n));
    store.objects.put({
      kind: "acs_credential",
      id: `c${n}`,
      epoch: 1,
      rev: n,
      spec: { state: "active" },
      code: new Secret(String(100_000 + n)),
      record: null,
      cardCredentialId: null,
      dirty: true,
      blocked: null,
      provisional: null,
      gone: false,
      createdAt: n,
      systemId: null,
      userId: null,
      searchText: "guest ".repeat(100),
    });
    store.wakeups.set("acs_credential", `c${n}`, n);
  });
}

function failureOf(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (error) {
    return error instanceof StoreError ? error.code : String(error);
  }
}

let n = store.journal.lastSeq();
for (;;) {
  n += 1;
  const failure = failureOf(() => write(n));
  if (failure === "none") {
    say(`wrote ${n}`);
    continue;
  }
  const later = failureOf(() => store.meta.get("written"));
  store.close();
  say(`failed ${failure} later ${later} fatal ${fatal}`);
  break;
}
