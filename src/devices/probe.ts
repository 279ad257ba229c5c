import { type Call, type Device, DriverError, type Identity, type Unit } from "#driver-api";
import { type Clock, DeadlineExceeded, withDeadline } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { Line, LineOpeners, WantedLine } from "./lines.js";
import { problemOf } from "./problem.js";

/** A driver that may be asked whether a device is one of its own. */
export interface Candidate {
  readonly driver: string;
  readonly line: WantedLine;
  open(line: Line, log: Log, signal: AbortSignal): Promise<Device>;
}

export interface Found {
  readonly port: string;
  readonly driver: string;
  readonly identity: Identity;
  readonly units: readonly { readonly key: string; readonly capabilities: readonly string[] }[];
  /** What a person laid on it, pulled through it or held to it, when that was waited for. */
  readonly card: CardTried | null;
}

export interface CardTried {
  /** Null for a stripe and a badge, which have none. */
  readonly uid: string | null;
  /** As `CardTechnology`; `magstripe`, or `badge`. */
  readonly technology: string;
}

/** What one driver made of a port. */
export interface Tried {
  readonly port: string;
  readonly driver: string;
  readonly code: string;
  readonly message: string;
}

export interface ProbeResult {
  readonly found: readonly Found[];
  readonly tried: readonly Tried[];
}

const OPEN_LIMIT_MS = 8_000;
const CLOSE_LIMIT_MS = 3_000;

/**
 * Finds out what is at `ports` by asking, and nothing but these ports, since asking sends bytes: each driver in turn
 * opens the port and says whether the device is one of its own. With `cardWaitMs` it then waits for a card at any of
 * them, at the same time: so two adapters that look the same are told apart by where the card is laid, pulled through
 * or held.
 */
export async function probe(
  ports: readonly string[],
  candidates: readonly Candidate[],
  {
    openers,
    clock,
    log,
    cardWaitMs,
    signal: stop,
  }: {
    readonly openers: LineOpeners;
    readonly clock: Clock;
    readonly log: Log;
    /** 0: no card is waited for. */
    readonly cardWaitMs: number;
    /** Ends the asking. */
    readonly signal: AbortSignal;
  },
): Promise<ProbeResult> {
  const isCardSeen = new AbortController();
  const results = await Promise.all(ports.map((port) => probePort(port)));
  return {
    found: results.flatMap(({ found }) => (found === null ? [] : [found])),
    tried: results.flatMap(({ tried }) => tried),
  };

  async function probePort(port: string): Promise<{ found: Found | null; tried: Tried[] }> {
    const tried: Tried[] = [];
    for (const candidate of candidates) {
      try {
        return { found: await ask(port, candidate), tried };
      } catch (error) {
        tried.push({ port, driver: candidate.driver, ...wordsOf(error) });
        // Nobody can use a port that cannot be opened.
        if (codeOf(error)?.startsWith("port.") === true) break;
      }
    }
    return { found: null, tried };
  }

  async function ask(port: string, candidate: Candidate): Promise<Found> {
    const line = await openers.open(port, candidate.line);
    try {
      const device = await withDeadline({ clock, ms: OPEN_LIMIT_MS, parent: stop }, (signal) =>
        candidate.open(line, log, signal),
      );
      try {
        const { driver } = candidate;
        return {
          port,
          driver,
          identity: device.identity,
          units: unitsOf(device),
          card: await cardOn(device),
        };
      } finally {
        await within(CLOSE_LIMIT_MS, device.close());
      }
    } finally {
      await within(CLOSE_LIMIT_MS, line.close());
    }
  }

  /** The first card on any port ends the waiting on all. */
  async function cardOn({ units }: Device): Promise<CardTried | null> {
    const unit = units.find((it) => it.cardWriter ?? it.stripeWriter ?? it.cardReader);
    if (cardWaitMs === 0 || unit === undefined) return null;
    try {
      const card = await withDeadline({ clock, ms: cardWaitMs, parent: isCardSeen.signal }, (signal) =>
        cardAt(unit, { signal }),
      );
      isCardSeen.abort();
      return card;
    } catch {
      return null;
    } finally {
      if (unit.cardWriter !== undefined) await within(CLOSE_LIMIT_MS, unit.cardWriter.release());
    }
  }

  async function within(ms: number, work: Promise<void>): Promise<void> {
    const { signal } = new AbortController();
    await withDeadline({ clock, ms, parent: signal }, () => work).catch(() => undefined);
  }
}

/** Waits for a card as long as the call lets it. That a card cannot be used, or lies beside another, is a card all the same. */
async function cardAt({ cardWriter, stripeWriter, cardReader }: Unit, call: Call): Promise<CardTried> {
  if (cardWriter !== undefined) {
    return cardWriter
      .present(call)
      .then(({ uid, technology }) => ({ uid, technology }))
      .catch((error: unknown) => seenAllTheSame(error, { uid: null, technology: "unknown" }));
  }
  const stripe: CardTried = { uid: null, technology: "magstripe" };
  if (stripeWriter !== undefined) {
    return stripeWriter
      .read(call)
      .then(() => stripe)
      .catch((error: unknown) => seenAllTheSame(error, stripe));
  }
  return new Promise((resolve, reject) => {
    const stop = cardReader?.onCard(() => end(() => resolve({ uid: null, technology: "badge" })));
    const end = (settle: () => void) => {
      call.signal.removeEventListener("abort", onAbort);
      stop?.();
      settle();
    };
    const onAbort = () => end(() => reject(call.signal.reason as Error));
    call.signal.addEventListener("abort", onAbort, { once: true });
  });
}

function seenAllTheSame(error: unknown, card: CardTried): CardTried {
  const isSeen = error instanceof DriverError && SEEN.includes(error.code);
  if (!isSeen) throw error;
  return card;
}
const SEEN: readonly string[] = ["card.several", "card.unwritable"];

function unitsOf({ units }: Device): Found["units"] {
  return units.map(({ key, ...capabilities }) => ({
    key,
    capabilities: Object.keys(capabilities),
  }));
}

function codeOf(error: unknown): string | undefined {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

function wordsOf(error: unknown): Pick<Tried, "code" | "message"> {
  if (error instanceof DeadlineExceeded)
    return { code: "device.silent", message: "it does not answer in time" };
  if (error instanceof DriverError) return problemOf(error);
  const code = codeOf(error);
  return code !== undefined && error instanceof Error
    ? { code, message: error.message }
    : { code: "device.refused", message: "the driver failed" };
}
