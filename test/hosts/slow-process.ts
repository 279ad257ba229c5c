import { hostDriver } from "#src/gateway-hosted";

/** As `src/hosted-driver.ts`, with a library that takes for ever to load. */
await hostDriver(() => new Promise(() => undefined));
