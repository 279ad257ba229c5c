import type { Command } from "commander";
import { z } from "zod";
import { clockConfirm, clockResetFloor, statusGet, syncGet } from "#src/api/schemas/desk";
import { understood } from "../daemon-client.js";
import { EXIT } from "../exit-codes.js";
import type { AddCommand } from "../program.js";
import { durationOf, timeOf } from "../words.js";

const syncFacts = z.looseObject({
  cloud: z
    .looseObject({
      carrier: z.string(),
      phase: z.string(),
      last_welcome_at: z.string().nullable(),
      problem: z.looseObject({ code: z.string(), message: z.string(), since: z.string() }).nullable(),
      next_try_ms: z.number().nullable(),
      carriers: z
        .array(
          z.looseObject({
            carrier: z.string(),
            state: z.string(),
            problem: z.looseObject({ code: z.string(), message: z.string(), since: z.string() }).nullable(),
            next_try_ms: z.number().nullable(),
          }),
        )
        .default([]),
      feed: z.looseObject({ head: z.number().nullable(), cursor: z.number(), is_caught_up: z.boolean() }),
      journal: z.looseObject({ last_seq: z.number(), unacknowledged: z.number() }),
    })
    .nullable(),
  snapshot: z
    .looseObject({ rev: z.number(), chunks: z.number(), chunks_stored: z.number() })
    .nullable()
    .default(null),
  credentials: z.looseObject({
    wanted: z.number(),
    stored: z.number(),
    proved: z.number(),
    revoked_and_open: z.number(),
  }),
  oldest_gap: z
    .looseObject({ acs_credential_id: z.string(), state: z.string(), since: z.string() })
    .nullable(),
  blocked: z.looseObject({
    count: z.number(),
    items: z.array(z.looseObject({ kind: z.string(), id: z.string(), reason: z.string() })),
  }),
  waiting_to_be_stepped: z.number(),
  offline: z
    .looseObject({
      since: z.string().nullable(),
      used_ms: z.number(),
      left_ms: z.number(),
      cards_used: z.number(),
      cards_left: z.number(),
    })
    .nullable(),
});
type SyncFacts = z.infer<typeof syncFacts>;

const healthFacts = z.looseObject({
  version: z.string(),
  health: z.array(
    z.looseObject({
      part: z.string(),
      state: z.enum(["ok", "degraded", "failed"]),
      code: z.string(),
      message: z.string(),
      since: z.string(),
    }),
  ),
});
const timeFacts = z.looseObject({ now: z.string(), quality: z.string() });
const clockFacts = timeFacts.extend({ floor_before: z.string().nullable() });

interface DoctorOptions {
  readonly resetClockFloor?: true;
  readonly confirmClock?: string;
}

/** Is all well, and are we in step? */
export function healthCommands(program: Command, add: AddCommand): void {
  add(
    program
      .command("sync")
      .description("show what the cloud wants, what is stored and what is proved on cards"),
    async ({ client, output }) => {
      const { sync } = await client.call(syncGet, {});
      output.say(sync, wordsOf(understood(syncFacts, sync, "sync")));
    },
  );

  add(
    program
      .command("doctor")
      .description("say how every part is and what to do; exit code 1 when one has failed")
      .option("--reset-clock-floor", "forget the latest time ever trusted, when that was wrong")
      .option("--confirm-clock <instant>", "say that it is now so late, e.g. 2026-11-22T14:00:00Z"),
    async ({ client, output }, _words, { resetClockFloor, confirmClock }: DoctorOptions) => {
      if (confirmClock !== undefined) {
        const { clock } = await client.call(clockConfirm, { now: confirmClock });
        const { now, quality } = understood(timeFacts, clock, "confirm");
        output.say(clock, `The time is ${timeOf(now)} (${quality}).`);
        return EXIT.ok;
      }
      if (resetClockFloor === true) {
        const { clock } = await client.call(clockResetFloor, {});
        output.say(clock, resetWords(understood(clockFacts, clock, "reset_floor")));
        return EXIT.ok;
      }
      const { status } = await client.call(statusGet, {});
      const { health } = understood(healthFacts, status, "status");
      output.list(health, {
        columns: {
          PART: ({ part }) => part,
          STATE: ({ state }) => state,
          SINCE: ({ since }) => timeOf(since),
          "WHAT TO KNOW": ({ message, code }) => `${message} [${code}]`,
        },
        empty: "Nothing is known of any part.",
      });
      return health.some(({ state }) => state === "failed") ? EXIT.failed : EXIT.ok;
    },
  );
}

function resetWords({ floor_before, now, quality }: z.infer<typeof clockFacts>): string {
  const was =
    floor_before === null
      ? "The clock had no floor to forget."
      : `The floor of the clock was ${timeOf(floor_before)}; it is forgotten.`;
  return `${was} The time is now ${timeOf(now)} (${quality}).`;
}

function wordsOf(facts: SyncFacts): string {
  return [
    ...cloudLines(facts),
    ...snapshotLines(facts),
    ...credentialLines(facts),
    ...offlineLines(facts),
    ...blockedLines(facts),
  ].join("\n");
}

function cloudLines({ cloud }: SyncFacts): string[] {
  if (cloud === null) return ["Cloud     none is configured: this site decides by itself"];
  const { carrier, problem, next_try_ms, feed, journal, last_welcome_at } = cloud;
  const isConnected = cloud.phase === "welcomed";
  const welcome = last_welcome_at === null ? "never welcomed" : `last welcome ${timeOf(last_welcome_at)}`;
  const lines = [`Cloud     ${isConnected ? "connected" : "not connected"} over ${carrier}, ${welcome}`];
  if (problem !== null) {
    const next = next_try_ms === null ? "" : `; tried again in ${Math.ceil(next_try_ms / 1_000)} s`;
    lines.push(`          ${problem.message}, since ${timeOf(problem.since)}${next} [${problem.code}]`);
  }
  lines.push(...carrierLines(cloud));
  lines.push(
    `Feed      change ${feed.cursor} of ${feed.head ?? "?"} is stored${feed.is_caught_up ? ", all of them" : ""}`,
    `Journal   event ${journal.last_seq - journal.unacknowledged} of ${journal.last_seq} is with the cloud${
      journal.unacknowledged === 0 ? "" : `, ${journal.unacknowledged} wait`
    }`,
  );
  return lines;
}

/** Where the feed could not be continued, or there was none yet. */
function snapshotLines({ snapshot }: SyncFacts): string[] {
  if (snapshot === null) return [];
  const { rev, chunks, chunks_stored } = snapshot;
  const what =
    chunks_stored === chunks
      ? "all is stored; what the cloud does not have is looked at"
      : `${chunks_stored} of ${chunks} parts are stored`;
  return [`Snapshot  the whole site up to change ${rev}: ${what}`];
}

const CARRIER_WORDS: Readonly<Record<string, string>> = {
  in_use: "in use",
  trying: "is being tried",
  proving: "is back, and used when that holds",
  standby: "ready",
  out: "does not work",
};

/** Only where there is a choice. */
function carrierLines({ carriers }: NonNullable<SyncFacts["cloud"]>): string[] {
  if (carriers.length < 2) return [];
  return carriers.map(({ carrier, state, problem, next_try_ms }, at) => {
    const why =
      problem === null ? "" : `: ${problem.message}, since ${timeOf(problem.since)} [${problem.code}]`;
    const next = next_try_ms === null ? "" : `; tried again in ${Math.ceil(next_try_ms / 1_000)} s`;
    return `${at === 0 ? "Carriers  " : "          "}${carrier} ${CARRIER_WORDS[state] ?? state}${why}${next}`;
  });
}

function credentialLines({
  credentials,
  oldest_gap: gap,
  waiting_to_be_stepped: waiting,
}: SyncFacts): string[] {
  const { wanted, stored, proved, revoked_and_open: open } = credentials;
  const lines = [`Cards     ${wanted} wanted · ${stored} stored · ${proved} proved`];
  if (gap !== null) {
    lines.push(
      `          oldest gap: ${gap.acs_credential_id}, ${gap.state.replaceAll("_", " ")} since ${timeOf(gap.since)}`,
    );
  }
  if (open > 0) lines.push(`          ${open} revoked, and a card of it may still open`);
  if (waiting > 0) lines.push(`          ${waiting} changes wait for their turn`);
  return lines;
}

function offlineLines({ offline }: SyncFacts): string[] {
  if (offline === null) return [];
  const { since, used_ms, left_ms, cards_used, cards_left } = offline;
  const used = since === null ? "not used" : `away for ${durationOf(used_ms)}, ${cards_used} cards written`;
  return [`Offline   ${used}; left without the cloud: ${durationOf(left_ms)}, ${cards_left} cards`];
}

function blockedLines({ blocked: { count, items } }: SyncFacts): string[] {
  if (count === 0) return ["Blocked   nothing"];
  const rest = count - items.length;
  return [
    `Blocked   ${count} cannot be carried out:`,
    ...items.map(({ kind, id, reason }) => `          ${kind} ${id}: ${reasonWords(reason)}`),
    ...(rest > 0 ? [`          and ${rest} more`] : []),
  ];
}

/** Reasons come from the gateway as stable words, some with the id that they name. */
function reasonWords(reason: string): string {
  const [word = reason, id = ""] = reason.split(":");
  const words: Readonly<Record<string, string>> = {
    missing: `waits for ${id}, which has not come`,
    entrance_removed: "names an entrance that this gateway does not have",
    system_removed: "names a system that this gateway does not have",
    invalid: "is not as its kind must be",
    not_supported: "needs what this release cannot do",
    refused: "asks for what no card can say",
  };
  return words[word] === undefined ? reason : `${words[word]} [${word}]`;
}
