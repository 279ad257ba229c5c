import type { EnginePort } from "#src/cloud/link";
import type { Store } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import { overriding } from "./watched-store.js";
import type { Tampering } from "./world.js";

/** Rules taken away one by one, from outside, and the invariants of which one must then break. */
export interface Blindfold {
  readonly rule: string;
  readonly breaks: readonly string[];
  /** Where the search begins: a history that is known to need the rule is not far. Without it, at 1. */
  readonly seed?: number;
  /** Made anew for every history: some remember. */
  readonly tampering: () => Tampering;
}

const inAttempts = (change: (attempts: Store["attempts"]) => Partial<Store["attempts"]>): Tampering => ({
  store: (store) => overriding(store, { attempts: overriding(store.attempts, change(store.attempts)) }),
});

const withPort = (change: (port: EnginePort) => Partial<EnginePort>): Tampering => ({
  port: (port) => overriding(port, change(port)),
});

const inJournal = (change: (journal: Store["journal"]) => Partial<Store["journal"]>): Tampering => ({
  store: (store) => overriding(store, { journal: overriding(store.journal, change(store.journal)) }),
});

/** The highest seq that the cloud ever acknowledged. */
const ackedIn = (store: Pick<Store, "meta">): number => {
  const acked = store.meta.get("cloud.acked");
  return typeof acked === "object" && acked !== null && "seq" in acked ? Number(acked["seq"]) : 0;
};

const isOf = (message: JsonObject, type: string): boolean => message["type"] === type;

export const BLINDFOLDS: readonly Blindfold[] = [
  {
    rule: "a page that begins behind the cursor is a gap",
    breaks: ["I2"],
    tampering: () => ({
      customs: (message, { cursor }) =>
        isOf(message, "page") ? { ...message, from: Math.min(cursor, Number(message["from"])) } : message,
    }),
  },
  {
    rule: "the intent is on disk before the card is written",
    breaks: ["I10"],
    tampering: () => ({
      store: (store) =>
        overriding(store, {
          objects: overriding(store.objects, {
            put(row) {
              const job = row.record?.context.job;
              if (row.record === null || job?.intent == null) {
                store.objects.put(row);
                return;
              }
              const context = { ...row.record.context, job: { ...job, intent: null } };
              store.objects.put({ ...row, record: { ...row.record, context } });
            },
          }),
        }),
    }),
  },
  {
    rule: "what a crash ended is not run again",
    breaks: ["I6"],
    seed: 15,
    tampering: () => {
      let open: readonly { readonly id: string; readonly credentialId: string | null }[] = [];
      return {
        engine: ({ deps }) => {
          open = deps.store.attempts.pending().filter(({ isCommand }) => isCommand);
        },
        booted: ({ engine, store }) => {
          for (const { id, credentialId } of open) {
            const again = store.attempts.get(id);
            if (again?.encoderId == null || credentialId === null) continue;
            const { encoderId } = again;
            const cause = { cmd: id };
            engine.startJob({ kind: "encode", encoderId, credentialId, overwrite: true, cause });
          }
        },
      };
    },
  },
  {
    rule: "a command that was begun is known",
    breaks: ["I6", "X"],
    tampering: () =>
      inAttempts((attempts) => ({
        get: () => undefined,
        create(attempt) {
          if (attempts.get(attempt.id) === undefined) attempts.create(attempt);
        },
      })),
  },
  {
    rule: "a command makes the generation that it was given for",
    breaks: ["I6"],
    seed: 106,
    tampering: () =>
      withPort((port) => ({
        runCommand: (command) =>
          port.runCommand(command.act === "encode" ? { ...command, expectGen: null } : command),
      })),
  },
  {
    rule: "a command runs within its life",
    breaks: ["I6"],
    seed: 5,
    tampering: () => ({
      customs: (message) => (isOf(message, "cmd") ? { ...message, life_ms: 86_400_000 } : message),
    }),
  },
  {
    rule: "the cloud takes in only the next event",
    breaks: ["I15"],
    tampering: () => ({
      site: ({ ledger }) => {
        const [ingest, ingested] = [ledger.ingest.bind(ledger), ledger.ingested.bind(ledger)];
        ledger.ingest = (batch, now) => {
          const first = Number(batch.events[0]?.["seq"] ?? 1);
          ledger.ingested = (jid) => Math.max(ingested(jid), first - 1);
          const result = ingest(batch, now);
          ledger.ingested = ingested;
          return result;
        };
      },
    }),
  },
  {
    rule: "a denial wins over what the desk did meanwhile",
    breaks: ["I17"],
    tampering: () => ({
      site: ({ feed }) => {
        const put = feed.put.bind(feed);
        feed.put = (change, now) =>
          put(
            change.verdict === "refused" && !(change.isGone ?? false)
              ? { ...change, spec: { ...change.spec, state: "active" } }
              : change,
            now,
          );
      },
    }),
  },
  {
    rule: "the journal is kept until the cloud has it",
    breaks: ["I15", "I14"],
    tampering: () => {
      let sent = 0;
      return {
        store: (store) =>
          overriding(store, {
            journal: overriding(store.journal, {
              read(from, limit) {
                const rows = store.journal.read(Math.max(from, sent + 1), limit);
                sent = Math.max(sent, rows.at(-1)?.seq ?? 0);
                return rows;
              },
            }),
          }),
      };
    },
  },
  {
    rule: "a change that nobody can use is kept and told",
    breaks: ["I2", "I20"],
    tampering: () => ({
      store: (store) =>
        overriding(store, { quarantine: overriding(store.quarantine, { put: () => undefined }) }),
    }),
  },
  {
    rule: "only a time that somebody vouches for ends anything",
    breaks: ["I16"],
    tampering: () => ({ believesEveryClock: true }),
  },
  {
    rule: "a PIN travels beside the event and not in it",
    breaks: ["I11"],
    tampering: () => ({
      engine: (engine) => {
        const change = engine.localChange.bind(engine);
        engine.localChange = (document, cause, what) =>
          change(
            { ...document, spec: { ...document.spec, pin: document.code?.reveal() ?? "" } },
            cause,
            what,
          );
      },
    }),
  },
  {
    rule: "a write is proved by reading the card",
    breaks: ["I8"],
    tampering: () => ({
      engine: (engine) => {
        const transact = engine.transact.bind(engine);
        // Whatever becomes of a job whose card may have been written, the record is told that it went well.
        engine.transact = (cause, work) =>
          transact(cause, (tx) => {
            const credential = tx.credential.bind(tx);
            tx.credential = (row, event) => {
              const intent = row.record?.context.job?.intent;
              if (event.type !== "job.failed" || event.effect !== "unknown" || intent == null)
                return credential(row, event);
              const { generation, uid, cardNumber } = intent;
              const { jobId } = event;
              return credential(row, { type: "write.verified", jobId, generation, uid, cardNumber });
            };
            return work(tx);
          });
      },
    }),
  },
  {
    rule: "a restored cloud tells a history with a number of its own",
    breaks: ["I1", "I2", "I14"],
    tampering: () => ({
      site: ({ feed }) => {
        feed.history.bump = () => undefined;
      },
    }),
  },
  {
    rule: "from below the floor the feed is not continued",
    breaks: ["I14", "I17"],
    tampering: () => ({
      site: ({ feed }) => Object.defineProperty(feed, "floor", { get: () => 0 }),
    }),
  },
  {
    rule: "what the desk did since is no part of a snapshot, and stays",
    breaks: ["I14", "I16", "I17", "I18", "I19"],
    tampering: () =>
      withPort((port) => ({
        beginSnapshot: (snapshot) => port.beginSnapshot({ ...snapshot, ingested: Number.MAX_SAFE_INTEGER }),
      })),
  },
  {
    rule: "what a new history lacks is an orphan and not revoked",
    breaks: ["I14", "I16", "I18"],
    tampering: () => {
      let isSweeping = false;
      return {
        // To whoever sweeps, every history is the one before.
        store: (store) =>
          overriding(store, {
            meta: overriding(store.meta, {
              get(name) {
                const value = store.meta.get(name);
                const snapshot = name === "cursor" && isSweeping ? store.meta.get("snapshot") : null;
                if (typeof snapshot !== "object" || snapshot === null || !("epoch" in snapshot)) return value;
                return { epoch: snapshot["epoch"] ?? null, rev: 0 };
              },
            }),
          }),
        port: (port) =>
          overriding(port, {
            sweepSnapshot() {
              isSweeping = true;
              port.sweepSnapshot();
              isSweeping = false;
            },
          }),
      };
    },
  },
  {
    rule: "a denial that the cloud calls active is told again",
    breaks: ["I14", "I17"],
    tampering: () =>
      inJournal((journal) => ({
        append: (event) => (event.k === "revocation_reasserted" ? journal.lastSeq() : journal.append(event)),
      })),
  },
  {
    rule: "a restored cloud gets the events again that it asks for",
    breaks: ["I14", "I15"],
    tampering: () => {
      let acked = 0;
      return {
        port: (port) => port,
        store: (store) => {
          acked = ackedIn(store);
          return overriding(store, {
            meta: overriding(store.meta, {
              set(name, value) {
                store.meta.set(name, value);
                acked = Math.max(acked, ackedIn(store));
              },
            }),
          });
        },
        customs: (message) =>
          isOf(message, "welcome")
            ? { ...message, want_from: Math.max(Number(message["want_from"]), acked + 1) }
            : message,
      };
    },
  },
  {
    rule: "what the cloud acknowledged is kept, for a cloud that loses it",
    breaks: ["I14", "I15"],
    tampering: () => {
      let acked = 0;
      return {
        store: (store) =>
          overriding(store, {
            journal: overriding(store.journal, {
              read(from, limit) {
                acked = Math.max(acked, ackedIn(store));
                return from > 1_000_000 ? [] : store.journal.read(Math.max(from, acked + 1), limit);
              },
            }),
          }),
      };
    },
  },
  {
    rule: "a card of a forgotten credential brings its record back",
    breaks: ["I14", "I16", "I19"],
    tampering: () => ({
      site: ({ feed }) => {
        const put = feed.put.bind(feed);
        feed.put = (change, now) => {
          const isReopening =
            change.spec["state"] === "revoked" &&
            (feed.get(change.kind, change.id)?.isForgotten === true ||
              feed.tombstone(change.kind, change.id) !== undefined);
          return isReopening ? feed.head : put(change, now);
        };
      },
    }),
  },
  {
    rule: "no card is written while a change is not stepped",
    breaks: ["I5"],
    tampering: () => ({
      engine: (engine) => {
        const transact = engine.transact.bind(engine);
        engine.transact = (cause, work) =>
          transact(cause, (tx) => {
            const credential = tx.credential.bind(tx);
            tx.credential = (row, event) =>
              credential(row, event.type === "write.intended" ? { ...event, dirty: false } : event);
            return work(tx);
          });
      },
    }),
  },
  {
    rule: "a denial is a latch",
    breaks: ["I17", "I5"],
    tampering: () => ({
      engine: (engine) => {
        const transact = engine.transact.bind(engine);
        engine.transact = (cause, work) =>
          transact(cause, (tx) => {
            const credential = tx.credential.bind(tx);
            tx.credential = (row, event) => {
              const { record } = row;
              if (
                event.type !== "desired.changed" ||
                !event.desired.allowed ||
                record?.context.denied == null
              )
                return credential(row, event);
              const context = { ...record.context, denied: null };
              return credential({ ...row, record: { ...record, context } }, event);
            };
            return work(tx);
          });
      },
    }),
  },
  {
    rule: "a chunk is looked into only when it is what the manifest says",
    breaks: ["I2", "I14", "I20"],
    tampering: () => ({
      customs: (message) => message,
      site: ({ snapshots }) => {
        const offer = snapshots.offer.bind(snapshots);
        snapshots.offer = (ingested) => {
          const manifest = offer(ingested);
          return { ...manifest, chunks: manifest.chunks.slice(0, -1) };
        };
      },
    }),
  },
  {
    rule: "numbers of another history are another's",
    breaks: ["I1", "I2", "I14"],
    tampering: () => ({
      customs: (message) =>
        "epoch" in message ? { ...message, epoch: { n: 1, id: "the only one" } } : message,
      site: (site) => {
        Object.defineProperty(site.feed, "epoch", { get: () => ({ n: 1, id: "the only one" }) });
      },
    }),
  },
];
