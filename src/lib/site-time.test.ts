import { expect, test } from "vitest";
import { siteTime } from "./site-time.js";

test("a person reads the time of the site, whatever the machine's zone is, and which zone it is", () => {
  const instant = Date.parse("2026-07-01T23:30:00Z");
  expect(siteTime(instant, "Asia/Tokyo")).toBe("2026-07-02 08:30 (Asia/Tokyo)");
  expect(siteTime(instant, "Europe/Lisbon")).toBe("2026-07-02 00:30 (Europe/Lisbon)");
});
