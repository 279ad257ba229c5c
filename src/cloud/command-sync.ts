import type { Draft } from "./draft.js";
import { askUnlessOpen, cursorIn, isSameEpoch } from "./feed-sync.js";
import type { RunnableCommand, Welcomed } from "./sync-state.js";
import type { Command } from "./wire.js";

const WAITING_COMMANDS_MAX = 64;

export function commandArrived(draft: Draft, phase: Welcomed, command: Command): void {
  if (command.session !== phase.session) return;
  if (phase.waiting.some((other) => other.command.cmd === command.cmd)) return;
  if (phase.waiting.length >= WAITING_COMMANDS_MAX) return; // The cloud ends it when its life is over.
  draft.session({ waiting: [...phase.waiting, { command, arrivedAt: draft.local.now }] });
  if (command.needs_rev > cursorIn(draft, phase).rev) askUnlessOpen(draft);
  runWaiting(draft);
}

/** Runs what the feed has come far enough for, drops what has outlived its life. */
export function runWaiting(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed") return;
  const cursor = cursorIn(draft, phase);
  // Numbers of another history say nothing of this one, and half a snapshot is half the truth.
  const isFollowing = draft.snapshot === null && isSameEpoch(cursor, phase);
  const stillWaiting = phase.waiting.filter(({ command, arrivedAt }) => {
    const lifeMs = command.life_ms - (draft.local.now - arrivedAt);
    if (lifeMs <= 0) {
      draft.notice("info", "cloud.command_outlived", "a command's life was over before it could run", {
        cmd: command.cmd,
      });
      return false;
    }
    if (!isFollowing || command.needs_rev > cursor.rev) return true;
    if (!draft.begun.has(command.cmd) && !draft.local.knowsCommand(command.cmd)) {
      draft.order({ type: "runCommand", command: runnable(command, lifeMs) });
    }
    return false;
  });
  draft.session({ waiting: stillWaiting });
}

function runnable(command: Command, lifeMs: number): RunnableCommand {
  const head = { id: command.cmd, lifeMs, by: command.by };
  switch (command.act) {
    case "encode": {
      const { encoder_id: encoderId, credential_id: credentialId } = command.target;
      return { ...head, act: command.act, encoderId, credentialId, expectGen: command.expect_gen };
    }
    case "scan":
    case "erase":
      return { ...head, act: command.act, encoderId: command.target.encoder_id };
    case "scan_to_assign": {
      const { encoder_id: encoderId, user_id: userId } = command.target;
      return { ...head, act: command.act, encoderId, userId };
    }
    case "lock_door":
    case "unlock_door":
      return { ...head, act: command.act, deviceId: command.target.device_id };
    case "simulate":
      return { ...head, act: command.act, order: command.target, code: command.secret };
  }
}
