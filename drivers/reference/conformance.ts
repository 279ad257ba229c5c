import { randomBytes } from "node:crypto";
import type { CardTechnology } from "#driver-api";
import type { DriverRig } from "#test/conformance/rig";
import { ReferenceSimulator, SimulatedClassic, SimulatedNtag } from "./simulator.js";

/** Puts this driver's simulator on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: {},
  capabilities: [
    "cardWriter",
    "keyIssuer",
    "cardReader",
    "keypadLock:on_device",
    "keypadLock:schedule",
    "keypadLock:checksum",
    "keypadLock:readState",
    "keypadLock:on_gateway",
    "signals",
  ],
  cards: ["mifare_classic_1k", "ntag213", "ntag216"],
  exempt: {},
  plugIn(clock) {
    const simulator = new ReferenceSimulator(clock);
    simulator.schedulers.add("lock-1");
    simulator.summers.add("lock-1");
    return {
      receive: (bytes) => simulator.receive(bytes),
      onSend: (listener) => simulator.onSend(listener),
      get changes() {
        return simulator.changes;
      },
      putCard: (technology) => void simulator.antenna.push(blankCard(technology)),
      takeCards: () => void (simulator.antenna.length = 0),
      pressKeys: (keys) => simulator.pressKeys("door-1", keys),
      holdCard: (bits) => simulator.holdCard("reader", bits, 26),
      useCode: (code) => simulator.useCode("lock-1", code),
      refuseWindows: (isRefusing) => void (simulator.refusesWindows = isRefusing),
      beBusy: (times) => void (simulator.faults.busyAnswers = times),
      setServerAway: (isAway) => void (simulator.faults.isServerAway = isAway),
      putIssuerCard: () => void simulator.hopper.push(randomBytes(7)),
    };
  },
};

function blankCard(technology: CardTechnology) {
  if (technology === "mifare_classic_1k") return new SimulatedClassic(randomBytes(4));
  return new SimulatedNtag(technology === "ntag213" ? technology : "ntag216", randomBytes(7));
}
