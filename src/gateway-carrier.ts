import { readFileSync } from "node:fs";
import type { Carrier, CarrierTls } from "#src/cloud/carrier";
import { createHttpCarrier } from "#src/cloud/http-carrier";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import type { ConfiguredCloud } from "#src/config/config";
import type { Clock } from "#src/lib/deadline";

/** The way to the cloud: MQTT where it has an address, else HTTP. Throws the system's error for an unreadable certificate. */
export function cloudCarrier(
  cloud: ConfiguredCloud,
  { site, clock }: { site: string; clock: Clock },
): Carrier {
  const { mqttUrl, httpUrl, gatewayId: gateway, token } = cloud;
  const tls = readTls(cloud.tls);
  if (mqttUrl !== null) return createMqttCarrier({ url: mqttUrl, site, gateway, token, tls }, clock);
  if (httpUrl !== null) return createHttpCarrier({ url: httpUrl, gateway, token, tls }, clock);
  throw new Error("a cloud without an address got past the check of the configuration");
}

function readTls({ caPath, identity }: ConfiguredCloud["tls"]): CarrierTls {
  return {
    ca: caPath === null ? undefined : readFileSync(caPath, "utf8"),
    certificate: identity === null ? undefined : readFileSync(identity.certificatePath, "utf8"),
    key: identity?.key,
  };
}
