import Database from "better-sqlite3";
import { join } from "node:path";
import { round } from "./figures.js";

/** What a change cannot do without: one row on disk, in a database with the store's settings, again and again. */
export function bareCommits(folder: string, seconds: number): Readonly<Record<string, string | number>> {
  const database = new Database(join(folder, "bare.db"));
  database.pragma("locking_mode = EXCLUSIVE");
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT");
  const insert = database.prepare("INSERT INTO t (text) VALUES (?)");
  const text = "x".repeat(1_000);
  const tookMs: number[] = [];
  const until = performance.now() + seconds * 1_000;
  while (performance.now() < until) {
    const begun = performance.now();
    insert.run(text);
    tookMs.push(performance.now() - begun);
  }
  database.close();
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => round(tookMs[Math.floor(tookMs.length * share)] ?? NaN);
  return {
    what: "a bare commit",
    per_s: round(tookMs.length / seconds, 0),
    p50_ms: at(0.5),
    p99_ms: at(0.99),
  };
}
