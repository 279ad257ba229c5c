import { ZWaveSimulator } from "#drivers/zwave/simulator";
import { realClock } from "#src/ops/clock";
import { Plugged } from "#src/sandbox/plugged";
import type { FromStick, StickOrder, ToStick } from "./zwave-site.js";

/**
 * A stick with one mock lock in a process of its own, as on a site nobody who drives it shares a processor with it. Started
 * by `zwave-site.ts`, which says what it is; counts what the lock is asked and ordered.
 */
const { settings, airMs, port } = JSON.parse(process.argv[2] ?? "") as StickOrder;
const stick = new Plugged(port, await ZWaveSimulator.create(realClock, [settings]));
const lock = stick.simulator.lock(settings.nodeId);
let commands = 0;
Object.assign(lock.node.capabilities, { txDelay: airMs });
lock.node.defineBehavior({
  handleCC() {
    commands++;
    return undefined;
  },
});
const say = (message: FromStick): void => void process.send?.(message);

process.on("message", (message: ToStick) => {
  if (message === "count") say({ commands, orders: lock.orders });
  else
    void stick.unplug().then(() => {
      stick.simulator.close();
      process.disconnect();
    });
});
await stick.plugIn();
say("plugged in");
