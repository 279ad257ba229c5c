import { loadDriver } from "#src/gateway-drivers";
import { hostDriver } from "#src/gateway-hosted";

/** The process of a driver with `hosted: true`: the gateway starts it. */
await hostDriver(loadDriver);
