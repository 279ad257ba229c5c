import type { DeskModel, SeamModel } from "./model.js";
import type { Route } from "./route.js";
import { accessCodeRoutes } from "./routes/access-codes.js";
import { accessGroupRoutes, groupDeskRoutes } from "./routes/access-groups.js";
import { auditRoutes } from "./routes/audit.js";
import { credentialRoutes } from "./routes/credentials.js";
import { deskRoutes, simulationRoutes } from "./routes/desk.js";
import { portRoutes } from "./routes/ports.js";
import { deviceRoutes } from "./routes/devices.js";
import { encoderRoutes } from "./routes/encoders.js";
import { eventRoutes } from "./routes/events.js";
import { inclusionRoutes } from "./routes/inclusion.js";
import { healthRoutes } from "./routes/health.js";
import { secretRoutes } from "./routes/secrets.js";
import { seamSimulationRoutes } from "./routes/simulate.js";
import { siteRoutes } from "./routes/site.js";
import { unsupportedRoutes } from "./routes/unsupported.js";
import { userRoutes } from "./routes/users.js";
import { webhookRoutes, webhookStateRoutes } from "./routes/webhooks.js";
import { jobsStream } from "./schemas/desk.js";
import type { Endpoint } from "./schemas/endpoint.js";
import { metricsGet } from "./schemas/health.js";
import { eventsStream } from "./schemas/live.js";
import { openApiGet } from "./schemas/openapi.js";

/** Every route, by what stands behind it: the one list of what is served, documented and tested. */
export const seamRoutes: readonly Route<SeamModel>[] = [
  ...siteRoutes,
  ...userRoutes,
  ...accessGroupRoutes,
  ...credentialRoutes,
  ...encoderRoutes,
  ...accessCodeRoutes,
  ...deviceRoutes,
  ...eventRoutes,
  ...unsupportedRoutes,
];
export const gatewayRoutes: readonly Route<DeskModel>[] = [
  ...deskRoutes,
  ...groupDeskRoutes,
  ...portRoutes,
  ...inclusionRoutes,
  ...secretRoutes,
];
export {
  auditRoutes,
  healthRoutes,
  seamSimulationRoutes,
  simulationRoutes,
  webhookRoutes,
  webhookStateRoutes,
};

/** Endpoints that answer something else than an object in the envelope: streams and documents. */
export const bareEndpoints: readonly Endpoint[] = [jobsStream, eventsStream, metricsGet, openApiGet];

/** Endpoints that answer an object in the envelope, or an error. */
export const jsonEndpoints: readonly Endpoint[] = [
  ...[...seamRoutes, ...seamSimulationRoutes, ...webhookRoutes, ...healthRoutes].map(endpointOf),
  ...[...gatewayRoutes, ...webhookStateRoutes, ...auditRoutes, ...simulationRoutes].map(endpointOf),
];

/** All that any server of this kind serves. */
export const allEndpoints: readonly Endpoint[] = [...jsonEndpoints, ...bareEndpoints];

function endpointOf({ endpoint }: { readonly endpoint: Endpoint }): Endpoint {
  return endpoint;
}
