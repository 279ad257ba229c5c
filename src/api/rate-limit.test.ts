import { expect, test } from "vitest";
import { VirtualClock } from "#test/support/virtual-clock";
import { RateLimiter } from "./rate-limit.js";

test("in the long run no more than so many a second, whatever the pattern", async () => {
  const clock = new VirtualClock();
  const limiter = new RateLimiter({ perSecond: 10, burst: 20 }, clock);
  let taken = 0;
  for (let n = 0; n < 1_000; n += 1) {
    while (limiter.take("a") === 0) taken += 1;
    await clock.advance(10);
  }
  expect(taken).toBeGreaterThanOrEqual(20 + 99);
  expect(taken).toBeLessThanOrEqual(20 + 100);
});

test("whoever waits as long as was said may ask", async () => {
  const clock = new VirtualClock();
  const limiter = new RateLimiter({ perSecond: 3, burst: 1 }, clock);
  expect(limiter.take("a")).toBe(0);
  const waitMs = limiter.take("a");
  expect(waitMs).toBeCloseTo(333.3, 0);
  await clock.advance(waitMs + 0.001);
  expect(limiter.take("a")).toBe(0);
});

test("any number of keys takes a bounded amount of memory", () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, new VirtualClock());
  for (let n = 0; n < 25_000; n += 1) limiter.take(String(n));
  expect(limiter.size).toBe(10_000);
  expect(limiter.take("24999")).toBeGreaterThan(0);
});
