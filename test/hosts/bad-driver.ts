import { type Device, DriverError, type Driver } from "#driver-api";
import { z } from "zod";
import type { Clock } from "#src/lib/deadline";
import { Secret } from "#src/lib/secret";

const settings = z.strictObject({
  /** What it does wrong while it opens. */
  at_open: z.enum(["nothing", "crash", "exit", "reject"]).default("nothing"),
  pin: z.string().transform((pin) => new Secret(pin)),
});

/** A driver that does in its process what a library may do there. It has one lock, and no conversation with it. */
export const badDriver: Driver<z.output<typeof settings>, "serial"> = {
  id: "bad",
  transport: "serial",
  serial: { baudRate: 9_600 },
  hosted: true,
  config: settings,

  open({ at_open, pin }, { log, clock }): Promise<Device> {
    process.stdout.write(`stdout ${pin.reveal()}\n`);
    process.stderr.write(`stderr ${pin.reveal()}\n`);
    log.warn({ event: "bad.opened", pin, error: new Error("in a field") }, "the bad driver is open");
    if (at_open === "exit") process.exit(7);
    if (at_open === "crash") clock.startTimer(0, () => throwIt(`crashed over ${pin.reveal()}`));
    if (at_open !== "nothing" && at_open !== "reject") return new Promise(() => undefined);
    if (at_open === "reject") return Promise.reject(new TypeError(`refused ${pin.reveal()}`));
    return Promise.resolve({
      identity: { model: "Bad", firmware: "1" },
      units: [
        {
          key: "main",
          keypadLock: {
            codes: "on_device",
            slots: 3,
            codeLengths: [4],
            readSlot: (slot) => readSlot(slot, pin),
            // Slot 1 crashes, slot 2 blocks the whole process, slot 3 never answers.
            writeSlot: (slot) => misbehave(slot, pin, clock),
            clearSlot: () => Promise.resolve(null),
            lock: () => Promise.reject(new DriverError("device.refused", "unknown", "it is jammed")),
            unlock: () => Promise.resolve(),
            onEvent: () => () => undefined,
          },
        },
      ],
      ping: () => Promise.resolve(),
      close: () => Promise.resolve(),
    } satisfies Device);
  },
};

function readSlot(slot: number, pin: Secret<string>) {
  return Promise.resolve(slot === 1 ? ({ is: "code", code: pin } as const) : ({ is: "empty" } as const));
}

function misbehave(slot: number, pin: Secret<string>, clock: Clock) {
  if (slot === 1) clock.startTimer(0, () => throwIt(pin.reveal()));
  if (slot === 2) for (;;);
  return new Promise<null>(() => undefined);
}

function throwIt(text: string): never {
  throw new RangeError(text);
}
