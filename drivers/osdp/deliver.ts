import type { DriverLog } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { isOver, NOTHING_TYPED, press } from "./entry.js";
import type { Reply } from "./messages.js";
import type { Peripheral } from "./peripheral.js";

interface Tools {
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly log: DriverLog;
}

/** Hands what a peripheral told to whoever listens. Called with every answer, for a pause may have ended an entry. */
export function deliver(peripheral: Peripheral, reply: Reply, { now, log }: Tools): void {
  const rules = {
    digits: peripheral.config.code_digits ?? null,
    pauseMs: peripheral.config.entry_pause_s * 1_000,
  };
  switch (reply.is) {
    case "card": {
      const card = { bits: reply.bits, bitCount: reply.bitCount };
      for (const listener of [...peripheral.onCard]) listener(card);
      for (const listener of [...peripheral.onInput]) listener({ type: "card", card });
      return;
    }
    case "keys": {
      const { entry, ended } = press(peripheral.entry, reply.keys.reveal(), now, rules);
      peripheral.entry = entry;
      for (const keys of ended) tellEntry(peripheral, keys);
      return;
    }
    case "local_status":
      noteStatus(peripheral, reply, log);
      return;
    case "other":
      log.debug(
        { event: "osdp.other_reply", unit: peripheral.key, reply: reply.code },
        "a reader says something that means nothing here",
      );
      return;
    default:
      if (!isOver(peripheral.entry, now, rules)) return;
      tellEntry(peripheral, peripheral.entry.keys);
      peripheral.entry = NOTHING_TYPED;
  }
}

function tellEntry({ onInput }: Peripheral, keys: string): void {
  for (const listener of [...onInput]) listener({ type: "keys", keys: new Secret(keys) });
}

function noteStatus(
  peripheral: Peripheral,
  { isTampered, hasPowerFailed }: Extract<Reply, { is: "local_status" }>,
  log: DriverLog,
): void {
  const isOpened = isTampered && !peripheral.isTampered;
  const isWorse = isOpened || (hasPowerFailed && !peripheral.hasPowerFailed);
  peripheral.isTampered = isTampered;
  peripheral.hasPowerFailed = hasPowerFailed;
  if (isOpened) for (const listener of [...peripheral.onTamper]) listener();
  if (!isWorse) return;
  log.warn(
    { event: "osdp.local_status", unit: peripheral.key, isTampered, hasPowerFailed },
    "a reader says that it is opened, or without power",
  );
}
