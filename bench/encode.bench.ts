import { SerialPort } from "serialport";
import { bytesOf, type Exchange } from "./counted-line.js";
import { CARDS, Desk, DRIVERS, type EncoderDesk, StripeDesk } from "./desk.js";
import { median, print, round } from "./figures.js";
import { openPacedLine } from "./paced-line.js";
import { BAUD, byteMsAt } from "./wire-time.js";

/**
 * How long it takes to encode and verify a card at each serial encoder, against the time that the same bytes need on the wire.
 * Beside it, round by round, what a bare serial port needs for as many exchanges of as many bytes with an echo: that
 * is what Node and the machine take, and no driver can be faster.
 */
const WARM_UP_ROUNDS = 5;
/** From the field to a card's first answer (ISO/IEC 14443-3), which the PN532's host waits for: no driver may save it. */
const CARD_START_MS = 5;
const ROUNDS = Number(process.argv[2] ?? 25);
const WANTED = process.argv.slice(3);

interface Row {
  readonly driver: keyof typeof DRIVERS;
  readonly card: keyof typeof CARDS | "stripe";
  readonly baud: number;
}

/** A TWN4 on USB has no speed of its own; the PN532's serves for it. */
const ROWS: readonly Row[] = [
  { driver: "pn532", card: "classic", baud: BAUD },
  { driver: "pn532", card: "ntag", baud: BAUD },
  { driver: "pn532", card: "desfire", baud: BAUD },
  { driver: "twn4", card: "classic", baud: BAUD },
  { driver: "twn4", card: "ntag", baud: BAUD },
  { driver: "twn4", card: "desfire", baud: BAUD },
  { driver: "ufr", card: "classic", baud: DRIVERS.ufr.serial?.baudRate ?? 0 },
  { driver: "ufr", card: "ntag", baud: DRIVERS.ufr.serial?.baudRate ?? 0 },
  { driver: "ufr", card: "desfire", baud: DRIVERS.ufr.serial?.baudRate ?? 0 },
  { driver: "msr605", card: "stripe", baud: DRIVERS.msr605.serial?.baudRate ?? 0 },
];

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

  static open(path: string, baudRate: number): Promise<BareEcho> {
    return new Promise((resolve, reject) => {
      const port = new SerialPort({ path, baudRate }, (error) =>
        error === null ? resolve(new BareEcho(port)) : reject(error),
      );
    });
  }

  /** Half of each exchange's bytes go, and come back. */
  async replay(exchanges: readonly Exchange[]): Promise<number> {
    let bytes = 0;
    for (const { sent, received } of exchanges) {
      if (sent + received === 0) continue;
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

function openDesk(path: string, { driver, card, baud }: Row): Promise<EncoderDesk> {
  return card === "stripe"
    ? StripeDesk.open(path, baud)
    : Desk.open(path, { driver: DRIVERS[driver], baud, profile: CARDS[card] });
}

async function measureCard(row: Row) {
  const { driver, card, baud } = row;
  const deviceLine = await openPacedLine(`${driver}/${card}`, baud);
  const echoLine = await openPacedLine(driver === "pn532" ? "echo-in-two" : "echo", baud);
  const desk = await openDesk(deviceLine.path, row);
  const echo = await BareEcho.open(echoLine.path, baud);
  const byteMs = byteMsAt(baud);
  const ours: number[] = [];
  const bare: number[] = [];
  let exchanges: readonly Exchange[] = [];
  for (let turn = -WARM_UP_ROUNDS; turn < ROUNDS; turn++) {
    desk.line.take();
    const encodeMs = await measured(() => desk.encode());
    exchanges = desk.line.take();
    let echoed = 0;
    const echoMs = await measured(async () => (echoed = await echo.replay(exchanges)));
    await desk.erase();
    if (turn < 0) continue;
    ours.push(encodeMs / (bytesOf(exchanges) * byteMs));
    bare.push(echoMs / (echoed * byteMs));
  }
  await desk.close();
  await echo.close();
  await deviceLine.close();
  await echoLine.close();
  const wireMs = bytesOf(exchanges) * byteMs;
  const startMs = driver === "pn532" ? CARD_START_MS : 0;
  const withStart = wireMs / (wireMs + startMs);
  return {
    driver,
    card,
    baud,
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

const rows = ROWS.filter(({ driver }) => WANTED.length === 0 || WANTED.includes(driver));
const measuredRows = [];
for (const row of rows) measuredRows.push(await measureCard(row));
print("encode", measuredRows);
