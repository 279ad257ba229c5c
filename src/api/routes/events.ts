import { missing } from "../fault.js";
import type { SeamModel } from "../model.js";
import { route } from "../route.js";
import { EVENT_SUBJECT_LISTS, EVENT_SUBJECTS, eventsGet, eventsList } from "../schemas/events.js";

export const eventRoutes = [
  route(eventsGet, (model: SeamModel, { event_id, event_type, device_id }, { by }) => {
    if (event_id !== undefined) return { event: model.events.get(event_id, by) };
    const newestOnly = {
      types: event_type === undefined ? undefined : [event_type],
      where: device_id === undefined ? {} : { device_id: [device_id] },
      limit: 1,
      newestFirst: true,
    };
    const [newest] = model.events.list(newestOnly, by);
    if (newest === undefined) throw missing("event", device_id ?? event_type ?? "");
    return { event: newest };
  }),

  route(eventsList, (model: SeamModel, input, { by }) => {
    const [from, to] = input.between ?? [input.since, undefined];
    const query = {
      since: from,
      before: to,
      ids: input.event_ids,
      types: typesOf(input),
      where: subjectsOf(input),
      limit: input.limit + input.unstable_offset,
    };
    const found = model.events.list(query, by);
    return { events: found.slice(input.unstable_offset) };
  }),
];

function typesOf(input: {
  readonly event_type?: string | undefined;
  readonly event_types?: readonly string[] | undefined;
}): readonly string[] | undefined {
  const types = [...(input.event_type === undefined ? [] : [input.event_type]), ...(input.event_types ?? [])];
  return types.length === 0 ? undefined : types;
}

/** What the list is narrowed to: by one id, by several, or by both. */
function subjectsOf(input: Readonly<Record<string, unknown>>): Record<string, readonly string[]> {
  const wanted: Record<string, readonly string[]> = {};
  for (const subject of EVENT_SUBJECTS) {
    const one = input[subject];
    if (typeof one === "string") wanted[subject] = [one];
  }
  for (const [plural, subject] of Object.entries(EVENT_SUBJECT_LISTS)) {
    const several = input[plural] as readonly string[] | undefined;
    if (several === undefined) continue;
    const already = wanted[subject];
    wanted[subject] = already === undefined ? several : several.filter((id) => already.includes(id));
  }
  return wanted;
}
