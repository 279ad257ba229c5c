import type { DeskModel } from "../model.js";
import { route } from "../route.js";
import { portsFound, portsProbe } from "../schemas/ports.js";

/** What is plugged in. */
export const portRoutes = [
  route(portsFound, async (desk: DeskModel) => ({ ports: [...(await desk.ports.found())] })),

  route(portsProbe, (desk: DeskModel, { ports, driver, card_wait_ms: cardWaitMs }, { by }) =>
    desk.ports.probe({ ports, driver, cardWaitMs }, by),
  ),
];
