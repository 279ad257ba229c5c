import { notSupported, type SeamModel } from "../model.js";
import { type Route, route } from "../route.js";
import { unsupported } from "../schemas/unsupported.js";

export const unsupportedRoutes: readonly Route<SeamModel>[] = unsupported.map(({ endpoint, what }) =>
  route(endpoint, (): never => {
    throw notSupported(what);
  }),
);
