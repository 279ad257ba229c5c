import { benchOfLaidCards } from "#test/conformance/laid-cards";
import type { DriverRig } from "#test/conformance/rig";
import { Pn532Simulator } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardWriter"],
  cards: ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216", "mifare_desfire"],
  exempt: { T15: "the chip does one command at a time and has no answer that says busy" },
  plugIn: () => benchOfLaidCards(new Pn532Simulator()),
};
