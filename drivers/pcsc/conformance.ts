import { benchOfLaidCards } from "#test/conformance/laid-cards";
import type { DriverRig } from "#test/conformance/rig";
import { PcscSimulator } from "./simulator.js";

const WHOLE =
  "the PC/SC service hands over whole answers, in order, or says that it cannot: no byte of them can be wrong";
const ONE_CARD = "a PC/SC reader shows one card and is silent about a second one";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: ["cardWriter"],
  cards: ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216", "mifare_desfire"],
  exempt: {
    D02: WHOLE,
    D06: WHOLE,
    D08: WHOLE,
    T05: WHOLE,
    T06: WHOLE,
    T07: WHOLE,
    T10: WHOLE,
    T11: WHOLE,
    T12: WHOLE,
    T14: WHOLE,
    T15: "the service makes whoever comes second wait",
    C07: WHOLE,
    C08: WHOLE,
    C09: ONE_CARD,
    C16: ONE_CARD,
  },
  plugIn: () => benchOfLaidCards(new PcscSimulator()),
};
