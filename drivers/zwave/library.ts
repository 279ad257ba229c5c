import type * as ZWave from "zwave-js";
import { DriverError } from "#driver-api";

/** The whole of zwave-js: 110 MB of memory, so it is loaded when a stick is opened and not before. */
export type Library = typeof ZWave;

/** Must be the version of `devDependencies`; library.test.ts holds it. */
export const LIBRARY_VERSION = "15.29.0";

/** Rejects with `device.refused` when the library is not installed: it is an optional peer of the gateway. */
export async function loadLibrary(load: () => Promise<Library> = () => import("zwave-js")): Promise<Library> {
  try {
    return await load();
  } catch (cause) {
    throw new DriverError(
      "device.refused",
      "none",
      `the Z-Wave library cannot be loaded: node scripts/install.mjs install --with zwave-js, or in a checkout npm install zwave-js@${LIBRARY_VERSION}`,
      cause,
    );
  }
}
