import type { DriverRig } from "#test/conformance/rig";
import { featureDevice } from "#test/support/memory-hid-line";
import { PcproxSimulator } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardReader"],
  cards: [],
  exempt: {
    R02: "the reader remembers the one badge that is held to it, and says so when it is asked",
    T15: "the reader has no answer that says busy",
  },
  plugIn(clock) {
    const simulator = new PcproxSimulator(clock);
    return {
      ...featureDevice(simulator),
      changes: 0,
      holdCard: (bits) =>
        simulator.hold(
          BigInt(`0x${Buffer.from(bits).toString("hex")}`)
            .toString(2)
            .slice(0, 26),
        ),
    };
  },
};
