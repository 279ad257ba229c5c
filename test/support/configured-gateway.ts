import assert from "node:assert/strict";
import { stringify } from "yaml";
import type { Config } from "#src/config/config";
import { parseConfig } from "#src/config/load";
import { type Gateway, type GatewayOptions, startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";

/** The gateway that a configuration document describes, on a machine whose clock is right. What is fatal to it is thrown. */
export async function configuredGateway(
  document: object,
  options: Pick<GatewayOptions, "log"> & Partial<GatewayOptions>,
): Promise<{ readonly gateway: Gateway; readonly config: Config }> {
  const loaded = await parseConfig(stringify(document), { env: {}, drivers: knownDrivers });
  assert(loaded.ok, JSON.stringify(loaded));
  const { config } = loaded;
  const gateway = await startGateway({
    config,
    credentialsDirectory: undefined,
    askClockSync: (answer) => answer(true),
    onFatal(error) {
      throw error;
    },
    ...options,
  });
  return { gateway, config };
}
