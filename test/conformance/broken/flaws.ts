import type { Patch } from "#test/conformance/broken/copy";

/** One mistake that a driver's author could make, laid on a copy of the reference driver. */
export interface Flaw {
  readonly flaw: string;
  /** The cases that find it; others may too. */
  readonly caughtBy: readonly string[];
  readonly patches: readonly Patch[];
}

function flaw(
  what: string,
  caughtBy: readonly string[],
  ...patches: readonly (readonly [file: string, find: string, put: string])[]
): Flaw {
  return { flaw: what, caughtBy, patches: patches.map(([file, find, put]) => ({ file, find, put })) };
}

const EFFECT = 'const effect: Effect = request.changes ? "unknown" : "none";';
const NO_RESENDS = ["exchange.ts", "const RESENDS_MAX = 2;", "const RESENDS_MAX = 0;"] as const;
const SILENT = 'pending.fail("device.silent", "no answer");';

export const flaws: readonly Flaw[] = [
  // ── Opening, closing, living beside others ──────────────────────────────────────────────────────────────────
  flaw(
    "forgets that its units have lamps",
    ["D01"],
    ["units.ts", "...(hasSignals && { signals: createSignals(session, index) }),", ""],
  ),
  flaw("takes a stranger for a silent device", ["D02"], ["units.ts", "throw isForeign", "throw false"]),
  flaw(
    "sends again without end",
    ["D03"],
    ["exchange.ts", "const RESENDS_MAX = 2;", "const RESENDS_MAX = Infinity;"],
  ),
  flaw(
    "waits for an answer for ever",
    ["D04"],
    [
      "session.ts",
      "this.#context.clock.startTimer(this.#context.replyTimeoutMs, () =>\n          this.#overdue(),\n        );",
      "() => undefined;",
    ],
  ),
  flaw(
    "takes every chunk for whole frames",
    ["D05"],
    ["session.ts", "Buffer.concat([this.#received, chunk]);", "chunk;"],
  ),
  flaw(
    "does not look whose answer it is",
    ["D06", "T05"],
    [
      "exchange.ts",
      "sequence === EVENT_SEQUENCE || sequence !== exchange.sequence",
      "sequence === EVENT_SEQUENCE",
    ],
  ),
  flaw(
    "looks at the signal only once it has sent",
    ["D07"],
    [
      "session.ts",
      "if (signal.aborted)\n      return new",
      "if (signal.aborted && this.#ended === null)\n      return new",
    ],
  ),
  flaw(
    "a call that failed stays on the wire",
    ["D08"],
    [
      "session.ts",
      "fail: (code, message, cause) => {\n        finish();",
      "fail: (code, message, cause) => {",
    ],
  ),
  flaw(
    "cannot be closed twice",
    ["D09"],
    [
      "session.ts",
      'this.#end("the driver was closed");',
      'if (this.#ended === "closed") throw new Error("closed already");\n    this.#end("closed");',
    ],
  ),
  flaw(
    "swallows the news that the line is gone",
    ["D10"],
    [
      "session.ts",
      "context.line.onClose((reason) => this.#end(`the line is gone: ${reason}`))",
      "context.line.onClose(() => undefined)",
    ],
  ),
  flaw(
    "goes on listening after an opening that failed",
    ["D11"],
    ["index.ts", "session.close();\n      throw error;", "throw error;"],
  ),
  flaw(
    "makes up a new serial number at every opening",
    ["D12"],
    [
      "units.ts",
      "identity: { model, firmware, serial }",
      "identity: { model, firmware, serial: crypto.randomUUID() }",
    ],
  ),
  flaw(
    "closes the line, which is not its own, when opening fails",
    ["D13"],
    [
      "index.ts",
      "session.close();\n      throw error;",
      "session.close();\n      void context.line.close();\n      throw error;",
    ],
  ),
  flaw(
    "asks twenty times for one sign of life",
    ["D14"],
    [
      "index.ts",
      "session.perform(requests.ping(), pingCall),",
      "{ for (let n = 0; n < 20; n++) await session.perform(requests.ping(), pingCall); },",
    ],
    ["index.ts", "ping: (pingCall) =>", "ping: async (pingCall) =>"],
  ),
  flaw(
    "all its devices share one buffer",
    ["D15"],
    [
      "session.ts",
      "#received: Uint8Array = new Uint8Array();",
      "static shared = new Uint8Array(); get #received() { return Session.shared; } set #received(bytes) { Session.shared = bytes; }",
    ],
  ),
  flaw(
    "all its devices share one call",
    ["D15"],
    [
      "session.ts",
      "#pending: Pending | undefined;",
      "static shared; get #pending() { return Session.shared; } set #pending(call) { Session.shared = call; }",
    ],
  ),
  flaw("takes any key in its configuration", ["D16"], ["index.ts", "z.strictObject", "z.object"]),
  flaw(
    "starts a timer when it is loaded",
    ["D17"],
    [
      "index.ts",
      "export default defineDriver({",
      "setTimeout(() => undefined, 1);\nexport default defineDriver({",
    ],
  ),
  flaw(
    "a timer of the system for every request",
    ["D17"],
    [
      "session.ts",
      "this.#pending = pending;\n",
      "this.#pending = pending;\n    setTimeout(() => undefined, 1);\n",
    ],
  ),
  flaw(
    "puts what it sent into the error's message",
    ["D18"],
    [
      "session.ts",
      "`${request.name}: ${message}`, cause",
      '`${request.name} ${Buffer.from(request.payload).toString("hex")}: ${message}`, cause',
    ],
  ),
  flaw(
    "hangs the request on the error as its cause",
    ["D18"],
    ["session.ts", "`${request.name}: ${message}`, cause", "`${request.name}: ${message}`, request"],
  ),
  flaw(
    "logs what it sends",
    ["D18"],
    [
      "session.ts",
      "    pending.send();\n  }",
      '    pending.send();\n    this.#context.log.debug({ bytes }, "sent");\n  }',
    ],
  ),

  // ── Trouble on the line ─────────────────────────────────────────────────────────────────────────────────────
  flaw(
    "an unplugging is harmless to it",
    ["T01", "C03", "C04"],
    ["session.ts", EFFECT, 'const effect = request.changes && code !== "device.lost" ? "unknown" : "none";'],
  ),
  flaw(
    "takes a silent device for a lost one",
    ["T02"],
    ["session.ts", SILENT, SILENT.replace("device.silent", "device.lost")],
  ),
  flaw(
    "takes silence for a yes",
    ["T03", "T07"],
    ["session.ts", SILENT, 'finish(); resolve({ status: "ok", answer: true });'],
    NO_RESENDS,
  ),
  flaw(
    "what is not answered was not done",
    ["T04", "C06"],
    [
      "session.ts",
      EFFECT,
      'const effect = request.changes && code !== "device.silent" ? "unknown" : "none";',
    ],
    NO_RESENDS,
  ),
  flaw(
    "checks no checksum",
    ["T06", "C07", "K08", "R04"],
    [
      "protocol.ts",
      'if (crc16(bytes.subarray(at + 1, end - 2)) !== ((high << 8) | low)) return "noise";',
      "void high, low;",
    ],
  ),
  flaw(
    "does not listen to the signal",
    ["T08"],
    ["session.ts", 'signal.addEventListener("abort", onAbort, { once: true });', ""],
  ),
  flaw(
    "closing leaves the pending call waiting",
    ["T09"],
    ["session.ts", 'this.#pending?.fail("device.lost", this.#ended);', ""],
  ),
  flaw(
    "ends when something comes unasked",
    ["T10"],
    [
      "session.ts",
      "if (pending === undefined) return;\n    const { exchange",
      'if (pending === undefined) return this.#end("unasked");\n    const { exchange',
    ],
  ),
  flaw(
    "takes the first frame of a chunk and drops the others",
    ["T11"],
    [
      "session.ts",
      "for (const frame of frames) this.#handle(frame);",
      "for (const frame of frames.slice(0, 1)) this.#handle(frame);",
    ],
  ),
  flaw(
    "gives up one false start of a frame at a time",
    ["T12"],
    [
      "session.ts",
      "while (this.#received.length > 0 && this.#pending === pending) {",
      "if (this.#received.length > 0) {",
    ],
  ),
  flaw(
    "leaves its listener on the caller's signal",
    ["T13"],
    ["session.ts", 'signal.removeEventListener("abort", onAbort);', ""],
  ),
  flaw(
    "leaves a timer behind every call",
    ["T13"],
    ["session.ts", "const finish = () => {\n      pending.cancelTimer();", "const finish = () => {"],
  ),
  flaw(
    "keeps all that it ever heard",
    ["T14"],
    [
      "session.ts",
      "#receive(chunk: Uint8Array): void {",
      "heard = [];\n  #receive(chunk: Uint8Array): void {\n    this.heard.push(chunk);",
    ],
  ),
  flaw(
    "calls a busy device one that refuses",
    ["T15"],
    ["session.ts", '["device.busy", "none", "the', '["device.refused", "none", "the'],
  ),

  // ── Cards ───────────────────────────────────────────────────────────────────────────────────────────────────
  flaw(
    "leaves out the last step of a plan",
    ["C01"],
    [
      "writer.ts",
      "stepsOf(session, unit, card, plan, call).entries()",
      "stepsOf(session, unit, card, plan, call).slice(0, -1).entries()",
    ],
  ),
  flaw(
    "a cancelled write is harmless to it",
    ["C02"],
    [
      "session.ts",
      EFFECT,
      'const effect = request.changes && code !== "call.cancelled" ? "unknown" : "none";',
    ],
  ),
  flaw(
    "forgets the steps that were done before the one that failed",
    ["C05", "C20"],
    ["writer.ts", 'throw effect === "unknown" ? afterSteps(error, index) : error;', "throw error;"],
  ),
  flaw(
    "every request has the same number",
    ["C08"],
    ["session.ts", "this.#sequence = (this.#sequence % 255) + 1;", "this.#sequence = 1;"],
  ),
  flaw(
    "calls two cards a refusal",
    ["C09", "C16"],
    ["session.ts", '["card.several", "none"', '["device.refused", "none"'],
  ),
  flaw(
    "looks for a card twenty times and no more",
    ["C10"],
    [
      "writer.ts",
      "for (;;) {\n    const found",
      'for (let looks = 0; ; looks++) {\n    if (looks > 20) throw new DriverError("card.absent", "none", "no card");\n    const found',
    ],
  ),
  flaw(
    "does not select the card before it writes",
    ["C11"],
    [
      "writer.ts",
      "await session.order(requests.selectCard(unit, card.uid), call);\n  let effect",
      "let effect",
    ],
  ),
  flaw(
    "takes a key that the card refuses",
    ["C12"],
    ["writer.ts", 'if (reply.status === "ok" || reply.status === "forbidden") return key;', "return key;"],
  ),
  flaw(
    "does not want the card's proof",
    ["C13"],
    [
      "writer.ts",
      "pack !== undefined && Buffer.compare(pack, password.pack.reveal()) === 0",
      "pack !== undefined",
    ],
  ),
  flaw(
    "calls an absent card a refusal",
    ["C14"],
    ["session.ts", 'no_card: ["card.absent"', 'no_card: ["device.refused"'],
  ),
  flaw(
    "writes whatever card lies there",
    ["C15"],
    [
      "writer.ts",
      "() =>\n          session.order(requests.writeBlock(unit, block, key, data), call),",
      `async () => {
          const { uid } = await session.order(requests.findCard(unit), call);
          if (uid !== undefined) await session.order(requests.selectCard(unit, uid), call);
          return session.order(requests.writeBlock(unit, block, key, data), call);
        },`,
    ],
  ),
  flaw(
    "a release is the end of the session",
    ["C17"],
    [
      "writer.ts",
      "{ signal }).catch(() => undefined);",
      "{ signal }).catch(() => undefined);\n      session.close();",
    ],
  ),
  flaw(
    "a release that is not answered rejects",
    ["C18"],
    ["writer.ts", "{ signal }).catch(() => undefined);", "{ signal });"],
  ),
  flaw(
    "asks nothing when there is nothing to write",
    ["C19"],
    [
      "writer.ts",
      "write: (card, plan, call) => write(",
      "write: (card, plan, call) => plan.steps.length === 0 ? Promise.resolve() : write(",
    ],
  ),
  flaw(
    "goes on after a step that failed",
    ["C20"],
    [
      "writer.ts",
      'throw effect === "unknown"',
      'if (index + 1 < plan.steps.length) continue;\n      throw effect === "unknown"',
    ],
  ),
  flaw(
    "does a plan for another kind of card",
    ["C21"],
    ["writer.ts", 'if (technology !== "unknown" && container === fitting) return;', "return;"],
  ),
  flaw(
    "does not wake a card that a wrong password silenced",
    ["C22"],
    [
      "writer.ts",
      "await session.order(requests.selectCard(unit, card.uid), call);\n  }\n  return null;",
      "}\n  return null;",
    ],
  ),
  flaw(
    "does not select the card anew in the middle of a plan",
    ["C23"],
    [
      "writer.ts",
      "await session.order(requests.selectCard(unit, card.uid), call);\n        return false;",
      "return false;",
    ],
  ),
  flaw(
    "calls a cancelled wait an absent card",
    ["C24"],
    ["writer.ts", "const isOver = reason instanceof DeadlineExceeded;", "const isOver = true;"],
  ),
  flaw("leaves out the last page that is asked for", ["F01"], ["writer.ts", "page <= last;", "page < last;"]),

  // ── Locks, doors, readers, lamps ────────────────────────────────────────────────────────────────────────────
  flaw(
    "clears nothing and says that it did",
    ["K01"],
    ["locks.ts", "await session.perform(requests.clearSlot(unit, slot), call);", ""],
  ),
  flaw(
    "a slot's clearing is harmless to it",
    ["K02"],
    ["protocol.ts", 'change("clearSlot"', 'ask("clearSlot"'],
  ),
  flaw(
    "does not look whether the slot exists",
    ["K03"],
    ["locks.ts", "if (Number.isInteger(slot) && slot >= 1 && slot <= slots) return;", "return;"],
  ),
  flaw("counts one slot too few", ["K04"], ["locks.ts", "slot <= slots", "slot < slots"]),
  flaw(
    "writes no slot that is taken",
    ["K05"],
    [
      "locks.ts",
      "await session.perform(requests.writeSlot(",
      'if ((await session.order(requests.readSlot(unit, slot), call)).is !== "empty") return;\n      await session.perform(requests.writeSlot(',
    ],
  ),
  flaw("opening a lock is harmless to it", ["K06"], ["protocol.ts", 'change("setLocked"', 'ask("setLocked"']),
  flaw(
    "takes what the device tells unasked for the answer",
    ["K07", "G02", "R02"],
    [
      "exchange.ts",
      "sequence === EVENT_SEQUENCE || sequence !== exchange.sequence",
      "sequence !== EVENT_SEQUENCE && sequence !== exchange.sequence",
    ],
  ),
  flaw(
    "hears nothing while it waits for an answer",
    ["K07", "G02", "R02"],
    [
      "session.ts",
      "if (event !== undefined) for",
      "if (event !== undefined && this.#pending === undefined) for",
    ],
  ),
  flaw(
    "hands on typed keys in plain sight",
    ["G01"],
    [
      "locks.ts",
      "keys: event.keys }",
      "keys: { reveal: () => event.keys.reveal(), shown: event.keys.reveal() } }",
    ],
  ),
  flaw(
    "throws something of its own at a long grant",
    ["G03"],
    [
      "locks.ts",
      "const tenths =",
      'if (ms > 6_553_500) throw new RangeError("too long");\n      const tenths =',
    ],
  ),
  flaw(
    "counts bytes for bits",
    ["R01"],
    ["reader.ts", "bitCount: event.bitCount", "bitCount: event.bits.length * 8"],
  ),
  flaw(
    "one listener that leaves takes the others along",
    ["R03"],
    ["session.ts", "return () => this.#listeners.delete(listener);", "return () => this.#listeners.clear();"],
  ),
  flaw(
    "offers a signal that it does not know",
    ["S01"],
    [
      "signals.ts",
      "show: (signal, call) =>",
      'show: (signal, call) => signal === "identify" ? Promise.reject(new Error("not supported")) :',
    ],
  ),

  // ── Key issuers ─────────────────────────────────────────────────────────────────────────────────────────────
  flaw(
    "does not tell the number of the chip that it wrote",
    ["I01"],
    ["issuer.ts", "uid: progress.card.uid || null", "uid: null"],
  ),
  flaw(
    "leaves an order running that was cancelled",
    ["I02"],
    ["issuer.ts", "throw wasNeverOrdered ? error : await stop(session, unit, error);", "throw error;"],
  ),
  flaw(
    "an order that was stopped touched no card",
    ["I03"],
    ["issuer.ts", 'isTouched ? "unknown" : "none"', '"none"'],
  ),
  flaw(
    "sends any text as a card's number",
    ["I04"],
    [
      "issuer.ts",
      "if (!/^[\\x21-\\x7e]+$/.test(cardNumber) || cardNumber.length > CARD_NUMBER_CHARACTERS_MAX) {",
      "if (CARD_NUMBER_CHARACTERS_MAX === 0) {",
    ],
  ),
  flaw(
    "calls a server that is away a refusal",
    ["I05"],
    ["session.ts", '["server.unreachable", "none"', '["device.refused", "none"'],
  ),
  flaw(
    "stops no order whose server went away",
    ["I06"],
    [
      "issuer.ts",
      "const wasNeverOrdered = !isOrdered && error",
      "void isOrdered;\n    const wasNeverOrdered = error",
    ],
  ),
  flaw(
    "sends facts that fit no frame",
    ["I07"],
    ["protocol.ts", "return payload.length > PAYLOAD_BYTES_MAX ? undefined : change(", "return change("],
  ),
];
