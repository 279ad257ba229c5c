import type { Signals } from "#driver-api";
import { requests } from "./protocol.js";
import type { Session } from "./session.js";

export function createSignals(session: Session, unit: number): Signals {
  return {
    show: (signal, call) => session.perform(requests.signal(unit, signal), call),
  };
}
