import fc from "fast-check";
import { expect, test } from "vitest";
import { CC } from "./command-classes.js";
import { meaningOfAlarm, meaningOfNotification, meaningOfValue } from "./events.js";
import vectors from "./vectors.json" with { type: "json" };

test.each(vectors.notifications)(
  "notification $type, event $event, $parameters",
  ({ type, event, parameters, meaning }) => {
    expect(meaningOfNotification(type, event, parameters ?? undefined)).toEqual(meaning);
  },
);

test.each(vectors.alarms)("alarm $type, level $level", ({ type, level, meaning }) => {
  expect(meaningOfAlarm(type, level)).toEqual(meaning);
});

test.each([
  ["Lock state", 11, [{ type: "jammed" }]],
  ["Lock state", 0, undefined],
  ["Keypad state", 16, [{ type: "denied", because: "too_many_attempts" }]],
  ["Door state", 22, [{ type: "door", isOpen: true }]],
  ["Door state", 23, [{ type: "door", isOpen: false }]],
])("state %s becomes %i", (propertyKey, value, events) => {
  const change = { commandClass: CC.notification, property: "Access Control", propertyKey, value };
  expect(meaningOfValue({ ...change, before: undefined }).events).toEqual(events);
  expect(meaningOfValue({ ...change, before: value })).toEqual({});
});

test("a battery's level is told when it changes, and 255 is no level", () => {
  const change = { commandClass: CC.battery, property: "level", propertyKey: undefined, before: 90 };
  expect(meaningOfValue({ ...change, value: 15 })).toEqual({ events: [{ type: "battery", level: 0.15 }] });
  expect(meaningOfValue({ ...change, value: 255 })).toEqual({});
});

test("whatever comes, it has a meaning or none, and nothing throws", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.anything(), (type, event, parameters) => {
      expect(meaningOfNotification(type, event, parameters)).toBeTypeOf("object");
      expect(meaningOfAlarm(type, event)).toBeTypeOf("object");
      const change = { commandClass: CC.notification, property: parameters, propertyKey: parameters };
      if (typeof parameters !== "object")
        expect(meaningOfValue({ ...change, value: event, before: type })).toBeTypeOf("object");
    }),
  );
});
