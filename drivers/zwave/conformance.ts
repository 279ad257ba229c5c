import type { DriverRig } from "#test/conformance/rig";
import { startAtOnce } from "./simulator-start.js";
import { SIMULATED_KEYS, ZWaveSimulator } from "./simulator.js";

const LOCK = 2;
const LOCKS = [{ nodeId: LOCK, kind: "v2", slots: 3 }] as const;

const OPENINGS = "opens the device hundreds of times, and the library takes seconds of real time for each;";
const BYTES = `${OPENINGS} trouble.test.ts has the line cut, the lock silent and the call cancelled or closed in the middle`;

/** Puts the library's own mock stick, with one lock, on the bench of the conformance suite. */
export const rig: DriverRig = {
  config: { keys: JSON.stringify(SIMULATED_KEYS) },
  capabilities: ["keypadLock:on_device", "keypadLock:checksum", "keypadLock:readState"],
  cards: [],
  time: { is: "real", units: LOCKS.length },
  exempt: {
    D04: "a stick that is busy with the radio answers late, so only half a minute of silence counts; trouble.test.ts",
    D08: "frames and their checks are the library's, and it asks again for twenty seconds",
    D11: BYTES,
    D13: BYTES,
    D14: "it waits an hour, in real time",
    D17: "the library has timers of its own, which is why it runs in a process of its own",
    D18: `${OPENINGS} canary.test.ts looks for codes in everything that the driver says`,
    K02: BYTES,
    K06: "it takes the library ten seconds to give up a stick that says nothing; trouble.test.ts silences the lock",
    K08: `${OPENINGS} the frame check is the library's`,
    ...Object.fromEntries(
      Array.from({ length: 15 }, (_, index) => [`T${String(index + 1).padStart(2, "0")}`, BYTES]),
    ),
  },
  plugIn(clock) {
    startAtOnce();
    const simulator = ZWaveSimulator.create(clock, LOCKS);
    const lock = simulator.then((made) => made.lock(LOCK));
    let made: ZWaveSimulator | null = null;
    void simulator.then((it) => (made = it));
    return {
      receive: (bytes) => void simulator.then((it) => it.receive(bytes)),
      onSend(listener) {
        let stop = (): void => undefined;
        void simulator.then((it) => (stop = it.onSend(listener)));
        return () => stop();
      },
      get changes() {
        return made?.lock(LOCK).orders ?? 0;
      },
      useCode: (code) => void lock.then((it) => it.pressKeys(code)),
    };
  },
};
