import { SerialPort } from "serialport";
import { bytesOf, type Exchange } from "./counted-line.js";
import { CARDS, Desk } from "./desk.js";
import { median, print, round } from "./figures.js";
import { openPacedLine } from "./paced-line.js";
import { BAUD, BYTE_MS } from "./wire-time.js";

/**
 * How long it takes to encode and verify a card on a PN532, against the time that the same bytes need on the wire.
 * Beside it, round by round, what a bare serial port needs for as many exchanges of as many bytes with an echo: that
 * is what Node and the machine take, and no driver can be faster.
 */
const WARM_UP_ROUNDS = 5;
/** From the field to a card's first answer (ISO/IEC 14443-3): waiting that no driver may save. */
const CARD_START_MS = 5;
const ROUNDS = Number(process.argv[2] ?? 25);

/** Answers each message before the next is sent, as a driver does. */
class BareEcho {
  readonly #port: SerialPort;
  #missing = 0;
  #answered: () => void = () => undefined;

  private constructor(port: SerialPort) {
    this.#port = port;
    port.on("data", (chunk: Buffer) => {
      this.#missing -= chunk.length;
      if (this.#missing === 0) this.#answered();
    });
  }

  static open(path: string): Promise<BareEcho> {
    return new Promise((resolve, reject) => {
      const port = new SerialPort({ path, baudRate: BAUD }, (error) =>
        error === null ? resolve(new BareEcho(port)) : reject(error),
      );
    });
  }

  /** Half of each exchange's bytes go, and come back. */
  async replay(exchanges: readonly Exchange[]): Promise<number> {
    let bytes = 0;
    for (const { sent, received } of exchanges) {
      const size = Math.ceil((sent + received) / 2);
      bytes += 2 * size;
      await this.#exchange(size);
    }
    return bytes;
  }

  #exchange(size: number): Promise<void> {
    return new Promise((resolve) => {
      this.#missing = size;
      this.#answered = resolve;
      this.#port.write(Buffer.alloc(size, 0x55));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#port.close(() => resolve()));
  }
}

async function measured(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function measureCard(name: keyof typeof CARDS) {
  const [deviceLine, echoLine] = [await openPacedLine(name), await openPacedLine("echo")];
  const desk = await Desk.open(deviceLine.path);
  const echo = await BareEcho.open(echoLine.path);
  const profile = CARDS[name];
  const ours: number[] = [];
  const bare: number[] = [];
  let exchanges: readonly Exchange[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    desk.line.take();
    const encodeMs = await measured(() => desk.encode(profile));
    exchanges = desk.line.take();
    let echoed = 0;
    const echoMs = await measured(async () => (echoed = await echo.replay(exchanges)));
    await desk.erase(profile);
    if (round < 0) continue;
    ours.push(encodeMs / (bytesOf(exchanges) * BYTE_MS));
    bare.push(echoMs / (echoed * BYTE_MS));
  }
  await desk.close();
  await echo.close();
  await deviceLine.close();
  await echoLine.close();
  const wireMs = bytesOf(exchanges) * BYTE_MS;
  const withStart = wireMs / (wireMs + CARD_START_MS);
  return {
    card: name,
    exchanges: exchanges.length,
    bytes: bytesOf(exchanges),
    wire_ms: round(wireMs),
    ours_to_wire: round(median(ours)),
    best: round(Math.min(...ours)),
    ours_to_wire_and_card_start: round(median(ours) * withStart),
    its_best: round(Math.min(...ours) * withStart),
    bare_echo_to_wire: round(median(bare)),
    best_of_bare: round(Math.min(...bare)),
  };
}

print("pn532-encode", [await measureCard("classic"), await measureCard("ntag")]);
