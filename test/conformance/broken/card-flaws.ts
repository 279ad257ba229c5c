import { flaw, type Flaw } from "#test/conformance/broken/flaw";

const EFFECT = 'const effect: Effect = request.changes ? "unknown" : "none";';

/** In writing cards, and in having them made. */
export const cardFlaws: readonly Flaw[] = [
  // Cards
  flaw(
    "leaves out the last step of a plan",
    ["C01"],
    [
      "writer.ts",
      "stepsOf(session, unit, card, fitting(card, plan), call)",
      "stepsOf(session, unit, card, fitting(card, plan), call).slice(0, -1)",
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
    [
      "writer.ts",
      "if (FITTING[plan.container].some((it) => it === technology)) return plan as Fitting<Plan>;",
      "return plan as Fitting<Plan>;",
    ],
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
  flaw(
    "calls a card that is locked a refusal of the device",
    ["C25"],
    ["session.ts", 'forbidden: ["card.unwritable"', 'forbidden: ["device.refused"'],
  ),
  flaw("leaves out the last page that is asked for", ["F01"], ["writer.ts", "page <= last;", "page < last;"]),

  // Key issuers
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
