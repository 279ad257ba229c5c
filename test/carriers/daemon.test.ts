import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DaemonSite, SYSTEM } from "./daemon-site.js";
import { TwoWays } from "./rig.js";

/** The real daemon with its store on disk between the desk, Mosquitto and the cloud, each of which dies in mid-story. */
let ways: TwoWays;
const daemons: DaemonSite[] = [];
beforeEach(async () => {
  ways = await TwoWays.start();
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.remove();
  await ways.close();
});

function newDaemon(): DaemonSite {
  const daemon = new DaemonSite(ways);
  daemons.push(daemon);
  return daemon;
}
const eventually = <T>(look: () => Promise<T> | T, timeout = 60_000) =>
  vi.waitFor(look, { timeout, interval: 100 });

let count = 0;
/** In the cloud; answers the id. */
function wantUser(): string {
  const id = `a0000000-0000-4000-8000-${String(++count).padStart(12, "0")}`;
  const spec = {
    acs_user_id: id,
    acs_system_id: SYSTEM,
    full_name: `cloud ${count}`,
    state: "active",
    created_at: "2026-11-22T10:00:00Z",
  };
  ways.cloud.site.put({ kind: "acs_user", id, spec, code: null });
  return id;
}

/** The cloud has every event of this journal, once and in order; answers how many. */
async function expectIngested(daemon: DaemonSite): Promise<number> {
  const { jid, last_seq } = await daemon.journal();
  const seqs = ways.cloud.site.ledger.events(jid).map(({ event }) => (event as { seq: number }).seq);
  expect(seqs).toEqual(Array.from({ length: last_seq }, (_, at) => at + 1));
  return last_seq;
}

async function expectEqual(daemon: DaemonSite): Promise<void> {
  const { phase, feed, journal } = await daemon.cloud();
  expect([phase, feed.is_caught_up, feed.cursor]).toEqual(["welcomed", true, ways.cloud.site.feed.head]);
  expect(journal.unacknowledged).toBe(0);
  const wanted = ways.cloud.site.feed.list("acs_user").map(({ id, spec }) => [id, spec["full_name"]]);
  expect(Object.fromEntries(await daemon.users())).toEqual(Object.fromEntries(wanted));
  await expectIngested(daemon);
}

test("daemon, broker, cloud and lines die in mid-story: nothing is lost, nothing comes twice", async () => {
  const daemon = newDaemon();
  await daemon.start();
  const made: string[] = [wantUser()];
  const live = async () => {
    for (let time = 0; time < 3; time++) made.push(wantUser(), await daemon.addUser(`desk ${time}`));
  };
  const killBroker = [() => ways.broker.kill(), () => ways.broker.run()] as const;
  const troubles = [
    killBroker,
    [() => ways.restartCloud(), () => undefined],
    [() => ways.mqttLine.refuse(), () => ways.mqttLine.accept()],
    [() => ways.httpLine.cut(), () => undefined],
    killBroker,
  ] as const;
  for (const [round, [trouble, mend]] of troubles.entries()) {
    if (round % 2 === 0) await eventually(() => expectEqual(daemon));
    await live();
    await trouble();
    await live();
    await daemon.kill();
    made.push(wantUser());
    await daemon.start();
    made.push(wantUser());
    await mend();
  }
  await eventually(() => expectEqual(daemon));
  expect([...(await daemon.users()).keys()].sort()).toEqual([...new Set(made)].sort());
  expect(daemon.said).not.toContain("token-of-the-gateway");
}, 240_000);

test("of two daemons with one identity one is told so, and what was done at either is not lost", async () => {
  const [first, second] = [newDaemon(), newDaemon()];
  await first.start();
  await eventually(() => expectEqual(first));
  const made = [wantUser(), await first.addUser("at the first")];
  await second.start();
  for (let time = 0; time < 3; time++)
    made.push(await first.addUser(`first ${time}`), await second.addUser(`second ${time}`), wantUser());
  await eventually(
    () => expect(first.said + second.said).toContain('"problem":"carrier.taken_over"'),
    90_000,
  );
  expect(first.said + second.said).toMatch(/is a copy of (it|this gateway) running somewhere\?/);
  expect((await first.journal()).jid).not.toBe((await second.journal()).jid);

  // Whoever was told stops one of them; its work goes up when it may come again.
  await first.stop();
  await eventually(() => expectEqual(second));
  await second.stop();
  await first.start();
  await eventually(() => expectEqual(first));
  expect([...(await first.users()).keys()].sort()).toEqual(made.sort());
}, 240_000);
