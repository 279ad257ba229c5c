import { PassThrough } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { lineChannel, LineReader } from "./channel.js";

test("lines come whole, in whatever pieces their bytes come", () => {
  const texts = fc.array(fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)));
  fc.assert(
    fc.property(texts, fc.array(fc.nat(40)), (sent, cuts) => {
      const reader = new LineReader();
      const bytes = Buffer.from(sent.map((text) => `${text}\n`).join(""));
      const come: string[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        come.push(...(reader.push(bytes.subarray(at, at + cut)) ?? []));
        at = Math.min(bytes.length, at + cut);
      }
      expect(come).toEqual(sent);
    }),
  );
});

test("a line without end is not kept: the channel ends", () => {
  const pipe = new PassThrough();
  const channel = lineChannel(pipe);
  const reasons: string[] = [];
  channel.onEnd((reason) => reasons.push(reason));
  for (let sent = 0; sent <= 4; sent += 1) pipe.emit("data", Buffer.alloc(1024 * 1024, "x"));
  expect(reasons).toEqual(["it does not end a message"]);
  expect(pipe.destroyed).toBe(true);
});

test("whoever listens after the end is told at once", async () => {
  const pipe = new PassThrough();
  const channel = lineChannel(pipe);
  const ended = new Promise((resolve) => channel.onEnd(resolve));
  pipe.destroy();
  expect(await ended).toBe("the other side has ended");
  const late: string[] = [];
  channel.onEnd((reason) => late.push(reason));
  channel.send("nothing");
  expect(late).toEqual(["the other side has ended"]);
});
