import { cardCases } from "#test/conformance/card-cases";
import type { Case } from "#test/conformance/case";
import { deviceCases } from "#test/conformance/device-cases";
import { doorCases } from "#test/conformance/door-cases";
import { formatCases } from "#test/conformance/format-cases";
import { issuerCases } from "#test/conformance/issuer-cases";
import { lockCases } from "#test/conformance/lock-cases";
import { planCases } from "#test/conformance/plan-cases";
import { scheduleCases } from "#test/conformance/schedule-cases";
import { stripeCases } from "#test/conformance/stripe-cases";
import { troubleCases } from "#test/conformance/trouble-cases";

/** Every promise, in the order in which the driver guide lists them. */
export const cases: readonly Case[] = [
  ...deviceCases,
  ...troubleCases,
  ...cardCases,
  ...planCases,
  ...formatCases,
  ...stripeCases,
  ...lockCases,
  ...scheduleCases,
  ...doorCases,
  ...issuerCases,
];
