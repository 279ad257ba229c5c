import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import type { DriverRig } from "#test/conformance/rig";
import { Msr605xSimulator } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite: the encoder of the MSR605 behind reports. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["stripeWriter", "signals"],
  cards: [],
  exempt: { T15: "the encoder does one command at a time and has no answer that says busy" },
  plugIn(clock) {
    const encoder = new MsrSimulator(clock);
    const simulator = new Msr605xSimulator(encoder);
    return {
      receive: (bytes) => simulator.receive(bytes),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return encoder.changes;
      },
      holdStripe: (isHeld) => encoder.hold(isHeld ? new SimulatedStripe() : null),
      pullBadly: (times) => void (encoder.faults.badPulls = times),
    };
  },
};
