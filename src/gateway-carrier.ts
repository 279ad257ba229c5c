import { readFileSync } from "node:fs";
import type { Carrier, CarrierTls } from "#src/cloud/carrier";
import type { ConfiguredCloud } from "#src/config/config";
import type { Clock } from "#src/lib/deadline";

/**
 * The way to the cloud: MQTT where it has an address, else HTTP. Only the one that is used is loaded, since each brings
 * a large library. Rejects with the system's error for an unreadable certificate.
 */
export async function cloudCarrier(
  cloud: ConfiguredCloud,
  { site, clock }: { site: string; clock: Clock },
): Promise<Carrier> {
  const { mqttUrl, httpUrl, gatewayId: gateway, token } = cloud;
  const tls = readTls(cloud.tls);
  if (mqttUrl !== null) {
    const { createMqttCarrier } = await import("#src/cloud/mqtt-carrier");
    return createMqttCarrier({ url: mqttUrl, site, gateway, token, tls }, clock);
  }
  if (httpUrl !== null) {
    const { createHttpCarrier } = await import("#src/cloud/http-carrier");
    return createHttpCarrier({ url: httpUrl, gateway, token, tls }, clock);
  }
  throw new Error("a cloud without an address got past the check of the configuration");
}

function readTls({ caPath, identity }: ConfiguredCloud["tls"]): CarrierTls {
  return {
    ca: caPath === null ? undefined : readFileSync(caPath, "utf8"),
    certificate: identity === null ? undefined : readFileSync(identity.certificatePath, "utf8"),
    key: identity?.key,
  };
}
