import { rmSync } from "node:fs";
import { type DemoSite, startDemoSite } from "#src/sandbox/demo-site";

/** The whole site of the demo: the gateway over real parts, its simulated hardware, and the stand-in cloud. */
export const startWholeSite = (): Promise<DemoSite> =>
  startDemoSite({
    port: 0,
    onFatal(error) {
      throw error;
    },
  });

/** Its state goes with it. */
export async function endWholeSite(site: DemoSite): Promise<void> {
  await site.stop();
  rmSync(site.stateDir, { recursive: true, force: true });
}

/** The two that speak Seam's API on such a site. */
export const serversOf = (site: () => DemoSite) =>
  [
    { name: "the gateway", of: () => ({ endpoint: site().gateway.endpoint, apiKey: site().apiKey }) },
    {
      name: "the stand-in cloud",
      of: () => ({ endpoint: site().cloud.endpoint, apiKey: site().cloudApiKey }),
    },
  ] as const;
