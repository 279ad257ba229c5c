import { defineDriver, type Unit } from "#driver-api";
import { Bus } from "./bus.js";
import { configSchema } from "./config.js";
import type { Peripheral } from "./peripheral.js";
import { identityOf, unitOf } from "./units.js";

/** Keypads and card readers on RS-485 that speak OSDP: the gateway holds the codes and decides. */
export default defineDriver({
  id: "osdp",
  transport: "serial",
  serial: { baudRate: 9_600 },
  config: configSchema,

  async open(config, context, call) {
    const bus = new Bus(config, context);
    await bus.open(call);
    const made = new Map<Peripheral, Unit>();
    /** The same object for as long as the line is open, so that listeners outlive a cut of the reader's own cable. */
    const unit = (peripheral: Peripheral): Unit => {
      const known = made.get(peripheral) ?? unitOf(bus, peripheral);
      made.set(peripheral, known);
      return known;
    };
    return {
      identity: identityOf(bus),
      get units() {
        return bus.peripherals.filter(({ isAvailable }) => isAvailable).map(unit);
      },
      get troubles() {
        return bus.peripherals.flatMap(({ troubles }) => troubles);
      },
      onUnitsChange: (listener) => bus.onChange(listener),
      ping: (pingCall) => bus.ping(pingCall),
      close: () => {
        bus.close();
        return Promise.resolve();
      },
    };
  },
});
