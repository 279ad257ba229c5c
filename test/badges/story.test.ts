import { join } from "node:path";
import { test } from "vitest";
import { runInHidWorld } from "#test/hid/run";

test(
  "a badge becomes a credential at the desk or at a door, opens the door, and no longer once it is deleted",
  {
    timeout: 120_000,
  },
  () => runInHidWorld(join(import.meta.dirname, "story.ts"), "office"),
);
