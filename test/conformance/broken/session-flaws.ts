import { flaw, type Flaw } from "#test/conformance/broken/flaw";

const EFFECT = 'const effect: Effect = request.changes ? "unknown" : "none";';
const NO_RESENDS = ["exchange.ts", "const RESENDS_MAX = 2;", "const RESENDS_MAX = 0;"] as const;
const SILENT = 'pending.fail("device.silent", "no answer");';

/** In opening and closing, and in the conversation itself. */
export const sessionFlaws: readonly Flaw[] = [
  // Opening, closing, living beside others
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

  // Trouble on the line
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
];
