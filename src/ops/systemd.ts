import { execFile } from "node:child_process";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";

/** Tells the service manager at `socket` one or more facts, like `READY=1`. */
export type SendNotice = (socket: string, facts: readonly string[]) => void;

/** Whoever started the process. When nobody listens, telling it something does nothing. */
export interface ServiceManager {
  /** It ends the process when it hears nothing for this long; null when it does not watch. */
  readonly watchdogMs: number | null;
  notifyReady(status: string): void;
  notifyStopping(): void;
  feedWatchdog(): void;
}

/**
 * Reads what systemd puts into the environment of a service (sd_notify(3), sd_watchdog_enabled(3)). `WATCHDOG_PID`
 * names the process that is watched: a child that inherited the variables is not.
 */
export function serviceManager(
  env: Readonly<Record<string, string | undefined>>,
  { pid, send }: { readonly pid: number; readonly send: SendNotice },
): ServiceManager {
  const socket = env["NOTIFY_SOCKET"];
  const tell = (...facts: string[]): void => {
    if (socket !== undefined && socket !== "") send(socket, facts);
  };
  return {
    watchdogMs: socket === undefined ? null : watchdogMsIn(env, pid),
    notifyReady: (status) => tell("READY=1", `STATUS=${status}`),
    notifyStopping: () => tell("STOPPING=1"),
    feedWatchdog: () => tell("WATCHDOG=1"),
  };
}

function watchdogMsIn(env: Readonly<Record<string, string | undefined>>, pid: number): number | null {
  const watched = env["WATCHDOG_PID"];
  if (watched !== undefined && watched !== String(pid)) return null;
  const microseconds = Number(env["WATCHDOG_USEC"]);
  return microseconds > 0 && Number.isFinite(microseconds) ? microseconds / 1_000 : null;
}

const NOTIFY_LIMIT_MS = 10_000;

/** Sends through systemd's own program, since Node has no datagram sockets of the Unix kind. */
export function notifyThroughSystemd(log: Log): SendNotice {
  return (socket, facts) => {
    const env = { NOTIFY_SOCKET: socket, PATH: "/usr/bin:/bin" };
    execFile("systemd-notify", facts, { env, timeout: NOTIFY_LIMIT_MS }, (error) => {
      if (error === null) return;
      log.warn({ event: "systemd.unreachable", reason: error.message }, "systemd could not be told");
    });
  };
}

interface Part {
  readonly name: string;
  readonly silenceMaxMs: number;
  heardAt: number;
  isSilent: boolean;
}

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly watchdogMs: number | null;
  /** Tells the watchdog that all is well. */
  readonly feed: () => void;
}

/** How often silence is looked for when nobody watches: it is still worth a line in the log. */
const UNWATCHED_LOOK_MS = 30_000;

/**
 * Feeds the watchdog only while every part of the gateway turns. A timer of its own would prove nothing but that
 * timers run; so each part reports that it did its work, and one that falls silent stops the feeding, after which
 * systemd starts the daemon anew.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #parts: Part[] = [];
  #cancel: () => void = () => undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /**
   * Watches one more part, heard just now. Its loop calls what is returned at every turn, and never lets more than
   * `silenceMaxMs` pass in between while it is well.
   */
  watch(name: string, silenceMaxMs: number): () => void {
    const { clock } = this.#options;
    const part: Part = { name, silenceMaxMs, heardAt: clock.monotonic(), isSilent: false };
    this.#parts.push(part);
    return () => (part.heardAt = clock.monotonic());
  }

  /** Feeds now, and then twice per interval of the watchdog, so that one late turn does not end the process. */
  start(): void {
    const { clock, watchdogMs } = this.#options;
    const everyMs = watchdogMs === null ? UNWATCHED_LOOK_MS : watchdogMs / 2;
    const beat = (): void => {
      const isWell = this.#listen();
      if (isWell && watchdogMs !== null) this.#options.feed();
      this.#cancel = clock.startTimer(everyMs, beat);
    };
    beat();
  }

  stop(): void {
    this.#cancel();
  }

  /** Whether every part was heard in time. Says in the log, once each time, who fell silent and who came back. */
  #listen(): boolean {
    const { clock, log } = this.#options;
    for (const part of this.#parts) {
      const silentMs = clock.monotonic() - part.heardAt;
      const isSilent = silentMs > part.silenceMaxMs;
      if (isSilent && !part.isSilent)
        log.error({ event: "heartbeat.silent", part: part.name, silentMs }, "a part fell silent");
      if (!isSilent && part.isSilent)
        log.info({ event: "heartbeat.back", part: part.name }, "a silent part is back");
      part.isSilent = isSilent;
    }
    return this.#parts.every(({ isSilent }) => !isSilent);
  }
}
