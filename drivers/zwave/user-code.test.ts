import { expect, test } from "vitest";
import * as library from "zwave-js";
import type { ZWaveNode } from "zwave-js";
import { userCodeTable } from "./user-code.js";

test.each([
  [30, 30],
  [251, 250],
  [1_000, 250],
])(
  "of a lock that claims %i slots %i are used: with Yale number 251 is the master code",
  (maxUsers, slots) => {
    const node = {
      commandClasses: { "User Code": {} },
      accessControl: { getUserCapabilitiesCached: () => ({ maxUsers }) },
      getValue: () => undefined,
      getCCVersion: () => 1,
    };
    // What a table needs of a node before it is used.
    expect(userCodeTable(library, node as unknown as ZWaveNode).slots).toBe(slots);
  },
);
