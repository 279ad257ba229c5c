import type { DeskModel } from "../model.js";
import { route } from "../route.js";
import {
  locksExclude,
  locksInclude,
  locksInclusionCancel,
  locksInclusionGet,
  locksInclusionPin,
} from "../schemas/inclusion.js";

/** Bringing locks in and out. */
export const inclusionRoutes = [
  route(locksInclude, (desk: DeskModel, { device, qr_code: qrCode }, { by }) => ({
    inclusion: desk.inclusion.include({ device, qrCode }, by),
  })),
  route(locksExclude, (desk: DeskModel, { device }, { by }) => ({
    inclusion: desk.inclusion.exclude({ device }, by),
  })),
  route(locksInclusionGet, async (desk: DeskModel, { inclusion_id: id, after }) => ({
    inclusion: await desk.inclusion.get(id, after),
  })),
  route(locksInclusionPin, (desk: DeskModel, { inclusion_id: id, pin }) => ({
    inclusion: desk.inclusion.givePin(id, pin),
  })),
  route(locksInclusionCancel, (desk: DeskModel, { inclusion_id: id }) => ({
    inclusion: desk.inclusion.cancel(id),
  })),
];
