import { join } from "node:path";
import { test } from "vitest";
import { runInHidWorld } from "#test/hid/run";

const inHidWorld = (name: string) =>
  runInHidWorld(join(import.meta.dirname, "../test/hid/port-scenarios.ts"), name);

test(
  "two USB HID devices that look the same are never taken for each other, and a name of both opens none",
  { timeout: 60_000 },
  () => inHidWorld("twins"),
);

test(
  "two encoders for stripes are told apart by the card that is pulled through, and a badge tries a reader",
  { timeout: 60_000 },
  () => inHidWorld("taps"),
);
