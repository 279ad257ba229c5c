import { type CardRead, DriverError, type Signal, type Unit } from "#driver-api";
import { DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import type { Engine } from "./engine.js";
import { type Job, JobEnd } from "./jobs.js";
import { onlyReads } from "./only-reads.js";
import type { UnitRef } from "./devices-port.js";

/** Lights and sounds for the person at the device; that they are missing spoils nothing. */
export async function showAt(engine: Engine, job: Job, unit: Unit, signal: Signal): Promise<void> {
  const call = { signal: job.control.signal };
  const shown = onlyReads(unit)
    ? engine.deps.devices.use(unitOf(engine, job), call.signal, async (it) => it.signals?.show(signal, call))
    : unit.signals?.show(signal, call);
  await shown?.catch(() => undefined);
}

/**
 * Waits for a badge to be held to the reader. Meanwhile a badge opens no door there: it is held to the reader for
 * another reason.
 */
export async function awaitBadge(engine: Engine, job: Job, unit: Unit): Promise<CardRead> {
  const { deps, jobs, keypads } = engine;
  const { clock, limits } = deps;
  const ref = unitOf(engine, job);
  jobs.say(job, "waiting_for_card", "Hold the badge to the reader.");
  const release = keypads.doors.setAside(ref);
  try {
    const wait = { clock, ms: limits.cardWaitMs, parent: job.control.signal };
    const card = await withDeadline(wait, (signal) => {
      const badge = nextBadge(engine, ref, unit, signal);
      void showAt(engine, job, unit, "present_card");
      return badge;
    });
    jobs.say(job, "card_seen", "Badge read.", { bit_count: card.bitCount });
    return card;
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    throw new JobEnd("no_credential_on_encoder", "no badge was held to the reader in time [card.absent]");
  } finally {
    release();
  }
}

/** The first badge from now on; rejects when the reader is lost or nobody waits any more. */
function nextBadge(
  { deps: { devices } }: Engine,
  ref: UnitRef,
  { cardReader: reader }: Unit,
  signal: AbortSignal,
): Promise<CardRead> {
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const end = (settle: () => void) => {
      for (const stop of stops.splice(0)) stop();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason as Error));
    signal.addEventListener("abort", onAbort, { once: true });
    stops.push(() => signal.removeEventListener("abort", onAbort));
    stops.push(
      devices.onChange(() => {
        if (devices.capabilities(ref)?.cardReader === reader) return;
        end(() => reject(new DriverError("device.lost", "none", "the reader is gone")));
      }),
    );
    const stop = reader?.onCard((card) => end(() => resolve(card)));
    if (stop !== undefined) stops.push(stop);
  });
}

export function unitOf({ deps: { inventory } }: Engine, { encoderId }: Pick<Job, "encoderId">): UnitRef {
  return inventory.encoders.find(({ id }) => id === encoderId)?.unit ?? "";
}
