import fc from "fast-check";
import { expect, test } from "vitest";
import { ServerSentEvents } from "./server-sent-events.js";

const read = (...chunks: string[]) => {
  const events = new ServerSentEvents();
  return chunks.flatMap((chunk) => events.push(chunk));
};

test.each([
  ["one event", "data: a\n\n", ["a"]],
  ["several lines", "data: a\ndata: b\n\n", ["a\nb"]],
  ["other fields and comments", ": hello\nevent: progress\nid: 4\ndata:a\n\n", ["a"]],
  ["CR and CR LF", "data: a\r\rdata: b\r\n\r\n", ["a", "b"]],
  ["no data", "event: ping\n\n", []],
  ["an unfinished event", "data: a\n", []],
])("%s", (_what, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test("any split of the stream gives the same events", () => {
  const line = fc.constantFrom("data: x", "data: y: z", ": c", "id: 1", "", "data");
  const end = fc.constantFrom("\n", "\r\n");
  fc.assert(
    fc.property(fc.array(fc.tuple(line, end)), fc.array(fc.nat(40)), (lines, cuts) => {
      const text = lines.map(([words, newline]) => words + newline).join("");
      const places = [...new Set(cuts.map((cut) => Math.min(cut, text.length)))].sort((a, b) => a - b);
      const chunks = [...places, text.length].map((place, index) =>
        text.slice(places[index - 1] ?? 0, place),
      );
      expect(read(...chunks)).toEqual(read(text));
    }),
  );
});

test("an event that never ends is refused", () => {
  const events = new ServerSentEvents();
  const push = () => {
    for (let n = 0; n < 2_000; n++) events.push("data: ".padEnd(1_000, "x"));
  };
  expect(push).toThrow(RangeError);
});
