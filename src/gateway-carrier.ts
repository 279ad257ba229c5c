import { readFileSync } from "node:fs";
import type { Carrier, CarrierTls } from "#src/cloud/carrier";
import { issuerAt } from "#src/cloud/certificate-look";
import { type CarrierChoice, createFailoverCarrier, type FailoverDeps } from "#src/cloud/failover-carrier";
import type { ConfiguredCloud } from "#src/config/config";

/**
 * The ways to the cloud that are configured, the preferred one first: MQTT, then HTTP. Only what is configured is
 * loaded, since each brings a large library. Rejects with the system's error for an unreadable certificate.
 */
export async function cloudCarriers(
  cloud: ConfiguredCloud,
  { site, ...deps }: FailoverDeps & { site: string },
): Promise<Carrier> {
  const { mqttUrl, httpUrl, gatewayId: gateway, token } = cloud;
  const tls = readTls(cloud.tls);
  const choices: CarrierChoice[] = [];
  const choose = (carrier: Carrier, address: string, defaultPort: number): void => {
    const url = new URL(address);
    const issuer = () => issuerAt(url, deps.clock, defaultPort);
    choices.push({ carrier, host: url.hostname, ...(carrier.isEncrypted ? { issuer } : {}) });
  };
  if (mqttUrl !== null) {
    const { createMqttCarrier } = await import("#src/cloud/mqtt-carrier");
    const carrier = createMqttCarrier({ url: mqttUrl, site, gateway, token, tls }, deps.clock);
    choose(carrier, mqttUrl, mqttUrl.startsWith("wss:") ? 443 : 8_883);
  }
  if (httpUrl !== null) {
    const { createHttpCarrier } = await import("#src/cloud/http-carrier");
    const carrier = createHttpCarrier({ url: httpUrl, gateway, token, tls }, deps.clock);
    choose(carrier, httpUrl, 443);
  }
  if (choices.length === 0)
    throw new Error("a cloud without an address got past the check of the configuration");
  return createFailoverCarrier(choices, deps);
}

function readTls({ caPath, identity }: ConfiguredCloud["tls"]): CarrierTls {
  return {
    ca: caPath === null ? undefined : readFileSync(caPath, "utf8"),
    certificate: identity === null ? undefined : readFileSync(identity.certificatePath, "utf8"),
    key: identity?.key,
  };
}
