import { benchOfLaidCards } from "#test/conformance/laid-cards";
import type { DriverRig } from "#test/conformance/rig";
import { Twn4Simulator } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite: a reader whose lines carry a checksum. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardWriter", "signals"],
  cards: ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216", "mifare_desfire"],
  exempt: {
    T10: "an answer has no number and no name: a second copy that comes after the next command is its answer",
    T15: "the reader does one command at a time and has no answer that says busy",
  },
  plugIn: (clock) => benchOfLaidCards(new Twn4Simulator(() => clock.monotonic(), { crc: true })),
};
