import { randomBytes } from "node:crypto";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import type { DriverRig } from "#test/conformance/rig";
import { RrhfoemSimulator } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardWriter", "signals"],
  cards: ["mifare_classic_1k", "mifare_classic_4k"],
  exempt: { T15: "the reader has no answer that says busy: what comes too soon is lost" },
  plugIn(clock) {
    const simulator = new RrhfoemSimulator(clock);
    return {
      receive: (report) => simulator.receive(report),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return simulator.cardWrites;
      },
      putCard: (technology) =>
        simulator.putCard(
          new MifareClassicCard({
            uid: randomBytes(4),
            size: technology === "mifare_classic_4k" ? "4k" : "1k",
          }),
        ),
      takeCards: () => simulator.takeCards(),
    };
  },
};
