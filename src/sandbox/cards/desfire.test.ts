import { expect, test } from "vitest";
import transcript from "../../contactless/desfire/transcript.json" with { type: "json" };
import { fromHex, toHex } from "#src/lib/hex";
import { DesfireCard } from "./desfire.js";

const nonces = (which: RegExp) =>
  transcript.steps.flatMap(({ note }) => which.exec(note)?.slice(1) ?? []).map((hex) => fromHex(hex));

test("answers as the card answered that libfreefare talked to, byte for byte", () => {
  const ours = nonces(/RndB ([0-9a-f]+)/);
  expect(ours).toHaveLength(5);
  const random = () => ours.shift() ?? new Uint8Array();
  const card = new DesfireCard({ uid: fromHex("04112233445566"), random });
  card.select(false);
  const exchanges = transcript.steps.flatMap(({ exchanges }) => exchanges);
  for (const { command, answer } of exchanges) {
    const said = card.transceive(fromHex(command));
    expect({ command, answer: typeof said === "string" ? said : toHex(said) }).toEqual({ command, answer });
  }
});
