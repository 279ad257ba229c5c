import type { DeskModel } from "../model.js";
import { route } from "../route.js";
import {
  keysCreate,
  keysImport,
  keysList,
  keysRotate,
  tokensCreate,
  tokensDelete,
  tokensList,
} from "../schemas/secrets.js";

/** Site keys and API tokens. */
export const secretRoutes = [
  route(keysList, (desk: DeskModel) => ({ key_sets: [...desk.keys.list()] })),
  route(keysCreate, (desk: DeskModel, _, { by }) => ({ key_set: desk.keys.create(by) })),
  route(keysRotate, (desk: DeskModel, _, { by }) => ({ key_set: desk.keys.rotate(by) })),
  route(keysImport, (desk: DeskModel, input, { by }) => ({
    key_set: desk.keys.import({ issuer: input.issuer, cardMaster: input.card_master }, by),
  })),

  route(tokensList, (desk: DeskModel) => ({ tokens: [...desk.tokens.list()] })),
  route(tokensCreate, (desk: DeskModel, input, { by }) => {
    const { id, token } = desk.tokens.create(input, by);
    return { token: { token_id: id, token } };
  }),
  route(tokensDelete, (desk: DeskModel, input, { by }) => {
    desk.tokens.remove(input.token_id, by);
    return {};
  }),
];
