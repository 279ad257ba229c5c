import type { SeamModel } from "../model.js";
import { route } from "../route.js";
import { EVENT_SUBJECTS, eventsGet, eventsList } from "../schemas/events.js";

export const eventRoutes = [
  route(eventsGet, (model: SeamModel, input) => ({ event: model.events.get(input.event_id) })),

  route(eventsList, (model: SeamModel, input) => {
    const [from, to] = input.between ?? [input.since, undefined];
    const found = model.events.list({
      since: from,
      before: to,
      ids: input.event_ids,
      types: typesOf(input),
      where: Object.fromEntries(
        EVENT_SUBJECTS.flatMap((subject) => {
          const wanted = input[subject];
          return wanted === undefined ? [] : [[subject, wanted]];
        }),
      ),
      limit: input.limit + input.unstable_offset,
    });
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
