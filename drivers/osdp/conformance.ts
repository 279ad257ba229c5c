import type { DriverRig } from "#test/conformance/rig";
import { OsdpSimulator } from "./simulator.js";

const KEY = "c0ffee00c0ffee11c0ffee22c0ffee33";

/** Puts this driver's simulator on the bench of the conformance suite: one secure keypad that is in use already. */
export const rig: DriverRig = {
  config: { units: { "back-door": { address: 5, key: KEY } } },
  capabilities: ["cardReader", "keypadLock:on_gateway", "signals"],
  cards: [],
  exempt: {
    D14: "a control panel polls its readers all the time; driver.test.ts says how cheap a poll and a sign of life are",
    T15: "a busy reader is asked again by the driver itself, as the protocol wants; driver.test.ts holds it",
  },
  plugIn(clock) {
    const simulator = new OsdpSimulator(clock);
    const reader = simulator.add({ address: 5, key: Buffer.from(KEY, "hex"), wantsSecurity: true });
    return {
      receive: (bytes) => simulator.receive(bytes),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return simulator.pulses;
      },
      pressKeys: (keys) => reader.pressKeys(`${keys}#`),
      holdCard: (bits) => reader.holdCard(bits, 26),
    };
  },
};
