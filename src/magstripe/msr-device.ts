import {
  Attempt,
  type Call,
  type Device,
  type DriverContext,
  type Signal,
  type Signals,
  type TransportKind,
} from "#driver-api";
import { answers, commands, type Lamp } from "./msr-protocol.js";
import { MsrSession, type MsrWire } from "./msr-session.js";
import { type MsrSettings, MsrStripes } from "./msr-stripes.js";

const LAMP: Readonly<Record<Exclude<Signal, "identify">, Lamp>> = {
  present_card: "yellow",
  done: "green",
  failed: "red",
  off: "off",
};
const BLINKS = 3;
const BLINK_MS = 250;

/** Opens an encoder of the family over the wire of one of its models. */
export async function openMsr(
  wire: MsrWire,
  settings: MsrSettings,
  context: Pick<DriverContext<TransportKind>, "clock" | "log">,
  { signal }: Call,
): Promise<Device> {
  const session = new MsrSession(wire, context);
  try {
    const { tracks, firmware } = await session.start(new Attempt(signal));
    return {
      identity: { model: `MSR encoder, ${tracks} ${tracks === 1 ? "track" : "tracks"}`, firmware },
      units: [{ key: "main", stripeWriter: new MsrStripes(session, settings), signals: lamps(session) }],
      async ping(call) {
        await session.ask(commands.test, answers.test, new Attempt(call.signal));
      },
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

function lamps(session: MsrSession): Signals {
  return {
    async show(signal, call) {
      const attempt = new Attempt(call.signal);
      if (signal !== "identify") {
        await session.tell(commands.lamp(LAMP[signal]), attempt);
        return;
      }
      for (let blink = 0; blink < BLINKS; blink++) {
        for (const lamp of ["all", "off"] as const) {
          await session.tell(commands.lamp(lamp), attempt);
          await session.pause(BLINK_MS, attempt);
        }
      }
    },
  };
}
