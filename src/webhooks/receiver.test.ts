import { expect, test } from "vitest";
import { addressFault, mayCarryPins, receiverFault } from "./receiver.js";
import { retryAfterMs, STEP_MS_MAX } from "./retry.js";

const SITE = { mayBeLoopback: false };
const SANDBOX = { mayBeLoopback: true };

test.each([
  "https://app.example/seam",
  "http://192.168.1.9:8080/hook?token=x",
  "http://10.0.0.2/",
  "http://[fd00::5]/",
  "https://pms.local/",
])("%s may receive", (url) => {
  expect(receiverFault(url, SITE)).toBeNull();
});

test.each([
  "http://127.0.0.1/",
  "http://127.9.9.9:8080/",
  "http://2130706433/",
  "http://0x7f.1/",
  "http://[::1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://localhost:3000/",
  "http://app.localhost/",
  "https://LOCALHOST./",
])("%s is this machine: only for a sandbox", (url) => {
  expect(receiverFault(url, SITE)).toMatch("this machine itself");
  expect(receiverFault(url, SANDBOX)).toBeNull();
});

test.each([
  "http://169.254.169.254/latest/meta-data/",
  "http://[fe80::1]/",
  "http://0.0.0.0/",
  "http://[::]/",
  "http://255.255.255.255/",
  "http://224.0.0.1/",
  "http://[ff02::1]/",
  "http://[::ffff:169.254.169.254]/",
  "http://[64:ff9b::7f00:1]/",
])("%s is for nobody", (url) => {
  expect(receiverFault(url, SANDBOX)).toBe("is no address of a receiver");
});

test.each([
  "",
  "app.example",
  "ftp://app.example/",
  "file:///etc/passwd",
  "https://user:pw@app.example/",
  "unix:/x",
])("%j is no receiver's URL", (url) => expect(receiverFault(url, SANDBOX)).not.toBeNull());

test("an address that a name led to is held to the same rules", () => {
  expect(addressFault("127.0.0.1", SITE)).not.toBeNull();
  expect(addressFault("127.0.0.1", SANDBOX)).toBeNull();
  expect(addressFault("::ffff:127.0.0.1", SITE)).not.toBeNull();
  expect(addressFault("169.254.169.254", SANDBOX)).not.toBeNull();
  expect(addressFault("192.168.1.9", SITE)).toBeNull();
});

test("PINs travel encrypted, or not at all beyond this machine", () => {
  expect(
    ["https://a.example/", "http://127.0.0.1/", "http://localhost/", "http://[::1]:1/"].map(mayCarryPins),
  ).toEqual([true, true, true, true]);
  expect(["http://a.example/", "http://192.168.1.9/", "http://127.0.0.1.example/"].map(mayCarryPins)).toEqual(
    [false, false, false],
  );
});

test("the first repetition comes within five seconds, the last within ten hours, none at once", () => {
  for (const chance of [0, 0.5, 0.999999]) {
    expect(retryAfterMs(1, chance)).toBeLessThanOrEqual(5_000);
    for (let failures = 1; failures <= 7; failures += 1) {
      expect(retryAfterMs(failures, chance)).toBeGreaterThanOrEqual(1_000);
      expect(retryAfterMs(failures, chance)).toBeLessThanOrEqual(STEP_MS_MAX);
    }
    expect(retryAfterMs(8, chance)).toBeNull();
  }
});
