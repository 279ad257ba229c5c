import type { DriverRig } from "#test/conformance/rig";
import { MsrSimulator, SimulatedStripe } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["stripeWriter", "signals"],
  cards: [],
  exempt: { T15: "the encoder does one command at a time and has no answer that says busy" },
  plugIn(clock) {
    const simulator = new MsrSimulator(clock);
    return {
      receive: (bytes) => simulator.receive(bytes),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return simulator.changes;
      },
      holdStripe: (isHeld) => simulator.hold(isHeld ? new SimulatedStripe() : null),
      pullBadly: (times) => void (simulator.faults.badPulls = times),
    };
  },
};
