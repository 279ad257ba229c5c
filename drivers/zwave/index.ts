import { defineDriver, DriverError } from "#driver-api";
import { configSchema } from "./config.js";
import { createInclusion } from "./inclusion.js";
import { loadLibrary } from "./library.js";
import { Network } from "./network.js";

/** Keypad locks on Z-Wave, through one USB stick and the zwave-js library: the locks hold the codes. */
export default defineDriver({
  id: "zwave",
  transport: "serial",
  serial: { baudRate: 115_200 },
  hosted: true,
  // A small machine reads the library and its database from a slow card.
  opensWithinMs: 45_000,
  library: "zwave-js",
  keepsFiles: true,
  config: configSchema,

  async open(config, context, call) {
    const { folder } = context;
    if (folder === undefined)
      throw new DriverError(
        "device.refused",
        "none",
        "the Z-Wave library has no folder to keep its files in",
      );
    const library = await loadLibrary();
    const network = await Network.open(library, { ...context, folder, securityKeys: config.keys }, call);
    return {
      identity: network.identity,
      get units() {
        return network.units;
      },
      get troubles() {
        return network.troubles;
      },
      onUnitsChange: (listener) => network.onUnitsChange(listener),
      inclusion: createInclusion(library, network),
      ping: (pingCall) => network.ping(pingCall),
      close: () => network.close("the driver was closed"),
    };
  },
});
