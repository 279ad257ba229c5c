import { expect, test } from "vitest";
import { canonicalJson } from "#src/lib/json";

test("sorts keys and writes numbers as RFC 8785 prescribes", () => {
  expect(canonicalJson({ b: [1e21, 0.5, -0], a: "é\n", c: undefined })).toBe(
    '{"a":"é\\n","b":[1e+21,0.5,0]}',
  );
});
