import {
  type CardReader,
  type Call,
  DriverError,
  type Identity,
  type OnGatewayKeypad,
  type Signal,
  type Signals,
  type Unit,
} from "#driver-api";
import type { Bus } from "./bus.js";
import { type Request, requests } from "./messages.js";
import type { Peripheral } from "./peripheral.js";

/** The output counts in tenths of a second, in two bytes. */
const PULSE_TENTHS_MAX = 65_535;
const FEEDBACK_TENTHS = 20;
const IDENTIFY_TENTHS = 100;
const WAITING_TENTHS = 600;

/** The commands that show something; those that the reader has neither light nor buzzer for are left out. */
interface Feedback {
  readonly light: Request;
  readonly beeps: Request;
}

const GRANTED: Feedback = {
  light: requests.light({ colour: "green", tenths: FEEDBACK_TENTHS }),
  beeps: requests.beep(1),
};
const DENIED: Feedback = {
  light: requests.light({ colour: "red", tenths: FEEDBACK_TENTHS }),
  beeps: requests.beep(3),
};
const SIGNALS: Record<Signal, Feedback> = {
  present_card: {
    light: requests.light({ colour: "amber", blinksTo: "off", tenths: WAITING_TENTHS }),
    beeps: requests.beep(1),
  },
  done: GRANTED,
  failed: DENIED,
  identify: {
    light: requests.light({ colour: "red", blinksTo: "green", tenths: IDENTIFY_TENTHS }),
    beeps: requests.beep(10),
  },
  off: { light: requests.lightOff(), beeps: requests.beepOff() },
};

/** What one peripheral can do for the gateway. */
export function unitOf(bus: Bus, peripheral: Peripheral): Unit {
  const hasSignals = peripheral.hasLight || peripheral.hasBuzzer;
  return {
    key: peripheral.key,
    cardReader: cardReader(peripheral),
    keypadLock: keypad(bus, peripheral),
    ...(hasSignals && { signals: signals(bus, peripheral) }),
  };
}

function cardReader({ onCard }: Peripheral): CardReader {
  return {
    onCard(listener) {
      // Its own function, so that one listener may be there twice.
      const own: typeof listener = (card) => listener(card);
      onCard.add(own);
      return () => onCard.delete(own);
    },
  };
}

function keypad(bus: Bus, peripheral: Peripheral): OnGatewayKeypad {
  return {
    codes: "on_gateway",
    onInput(listener) {
      const own: typeof listener = (input) => listener(input);
      peripheral.onInput.add(own);
      return () => peripheral.onInput.delete(own);
    },
    async grant(ms, call) {
      const tenths = Math.max(1, Math.round(ms / 100));
      if (!(tenths <= PULSE_TENTHS_MAX)) {
        const limit = PULSE_TENTHS_MAX / 10;
        throw new DriverError("device.refused", "none", `the reader opens for at most ${limit} s at a time`);
      }
      await bus.submit(peripheral, requests.pulse(peripheral.config.output, tenths), call);
      // The door is open; the light is only for the person before it.
      void show(bus, peripheral, GRANTED, calm()).catch(() => undefined);
    },
    onTamper(listener) {
      const own = () => listener();
      peripheral.onTamper.add(own);
      return () => peripheral.onTamper.delete(own);
    },
    deny: (_reason, call) => show(bus, peripheral, DENIED, call),
  };
}

function signals(bus: Bus, peripheral: Peripheral): Signals {
  return { show: (signal, call) => show(bus, peripheral, SIGNALS[signal], call) };
}

/** What the reader refuses to show is no failure: the capability list promises more than some can. */
async function show(bus: Bus, peripheral: Peripheral, { light, beeps }: Feedback, call: Call): Promise<void> {
  const wanted = [...(peripheral.hasLight ? [light] : []), ...(peripheral.hasBuzzer ? [beeps] : [])];
  for (const request of wanted) {
    try {
      await bus.submit(peripheral, request, call);
    } catch (error) {
      if (!(error instanceof DriverError) || error.code !== "device.refused") throw error;
    }
  }
}

const calm = (): Call => ({ signal: new AbortController().signal });

/** Of the line as a whole; with one reader only, that reader. */
export function identityOf({ peripherals }: Bus): Identity {
  const [only, second] = peripherals;
  if (only?.id == null || second !== undefined)
    return { model: `OSDP line with ${peripherals.length} readers`, firmware: "-" };
  const { vendor, model, version, serial, firmware } = only.id;
  return { model: `OSDP reader ${vendor}-${model}.${version}`, firmware, serial: String(serial) };
}
