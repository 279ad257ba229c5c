import { hostDriver } from "#src/gateway-hosted";
import { badDriver } from "#test/hosts/bad-driver";

/** As `src/hosted-driver.ts`, with a driver that is in no list. */
await hostDriver(() => Promise.resolve(badDriver));
