import type { SimulationOrder } from "#src/domain/simulation-order";
import type { Engine } from "#src/engine/engine";
import { ACTION_TYPES } from "#src/engine/action-types";
import { startBolt } from "#src/engine/keypads/turn-bolt";
import { readCursor } from "#src/engine/transaction";
import type { Secret } from "#src/lib/secret";
import type { EnginePort } from "./link.js";
import type { RunnableCommand } from "./sync-state.js";

/** Carries an order for simulated hardware out, under the action attempt of this id. */
export type Simulate = (order: SimulationOrder, code: Secret<string> | null, commandId: string) => void;

/** The engine, as the cloud link sees it. `learnTime` takes the cloud's clock when it came over an encrypted way. */
export function enginePort(
  engine: Engine,
  learnTime: (now: number) => void,
  simulate: Simulate | null = null,
): EnginePort {
  const { store } = engine.deps;
  return {
    cursor() {
      const stored = store.meta.get("cursor");
      return stored === undefined || stored === null ? null : readCursor(stored);
    },
    storePage: ({ items, blocked, cursor, ruledUpTo }) => engine.storePage(items, blocked, cursor, ruledUpTo),
    storeAgain: (items) => engine.storeAgain(items),
    snapshot: () => engine.snapshot.progress(),
    beginSnapshot: (snapshot) => engine.snapshot.begin(snapshot),
    storeSnapshotPart(part) {
      engine.snapshot.store(part);
      engine.stepSoon();
    },
    sweepSnapshot() {
      engine.snapshot.sweep();
      engine.stepSoon();
    },
    codeOf: (kind, id) => store.objects.get(kind, id)?.code ?? null,
    runCommand: (command) => runCommand(engine, command, simulate),
    welcomed({ cloudTime, isTrusted }) {
      engine.offlineWork.setOnline(true);
      if (isTrusted) learnTime(cloudTime);
    },
    caughtUp(rev) {
      engine.transact({}, (tx) => tx.journal({ k: "caught_up", data: { rev } }));
    },
    onJournal: (listener) => engine.onJournal(listener),
    onProgress: (listener) =>
      engine.jobs.onProgress((job, progress) => {
        if (job.cause.cmd !== undefined)
          listener({ cmd: job.cause.cmd, step: progress.step, say: progress.say });
      }),
  };
}

function runCommand(engine: Engine, command: RunnableCommand, simulate: Simulate | null): void {
  const { id, lifeMs } = command;
  switch (command.act) {
    case "simulate":
      if (simulate === null) engine.refuseCommand(id, ACTION_TYPES[command.act], "not_a_sandbox");
      else simulate(command.order, command.code, id);
      return;
    case "lock_door":
    case "unlock_door": {
      const { act, deviceId: lockId } = command;
      const isKnown = engine.deps.inventory.locks.some((lock) => lock.id === lockId);
      if (!isKnown) engine.refuseCommand(id, ACTION_TYPES[act], "no_such_device");
      else startBolt(engine, { lockId, act, cause: { cmd: id }, commandId: id, lifeMs });
      return;
    }
    case "encode":
    case "scan":
    case "scan_to_assign":
    case "erase": {
      const isEncode = command.act === "encode";
      const started = engine.startJob({
        kind: command.act,
        encoderId: command.encoderId,
        credentialId: isEncode ? command.credentialId : null,
        ...(command.act === "scan_to_assign" ? { userId: command.userId } : {}),
        overwrite: false,
        cause: { cmd: id },
        command: { id, expectGen: isEncode ? command.expectGen : null },
        lifeMs,
      });
      if (!started.ok) engine.refuseCommand(id, ACTION_TYPES[command.act], started.why);
    }
  }
}
