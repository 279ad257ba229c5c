import { DriverError } from "#driver-api";
import type { Effect } from "#src/lib/effect";
import { JobEnd, type Outcome } from "./jobs.js";

/** Could the card have changed? Without an intent it could not; with one only the driver can say that nothing was sent. */
export function effectOf(error: unknown, hasIntent: boolean): Effect {
  if (!hasIntent) return "none";
  return error instanceof DriverError ? error.effect : "unknown";
}

/** Why a job ended without success, in Seam's error types, with our stable code at the end of the message. */
export function outcomeOf(error: unknown, abortedBy: unknown, effect: Effect): Outcome {
  const told = error instanceof JobEnd ? error : abortedBy instanceof JobEnd ? abortedBy : null;
  if (told !== null) return failure(told.type, withState(told.message, effect));
  if (error instanceof DriverError) return failure(typeOf(error, effect), withState(error.message, effect));
  return failure("uncategorized_error", withState("the gateway could not do it", effect));
}

function failure(type: string, message: string): Outcome {
  return { status: "error", result: null, error: { type, message } };
}

function withState(message: string, effect: Effect): string {
  return effect === "none"
    ? `${message}; the card was not changed`
    : `${message}; the card is in doubt: put it back on the encoder`;
}

function typeOf(error: DriverError, effect: Effect): string {
  if (effect === "unknown") return "encoding_interrupted";
  switch (error.code) {
    case "card.absent":
      return "no_credential_on_encoder";
    case "card.unwritable":
      return "incompatible_card_format";
    case "device.lost":
      return "encoder_not_online";
    case "device.silent":
    case "unit.silent":
      return "encoder_communication_timeout";
    case "server.unreachable":
      return "bridge_disconnected";
    case "reply.malformed":
    case "device.wrong":
    case "device.busy":
    case "device.refused":
    case "call.cancelled":
    case "card.several":
    case "card.swapped":
      return "uncategorized_error";
  }
}
