import type { JsonObject } from "#src/lib/json";

/** Events in the order in which they were stored, each with its place in that order. */
export interface EventFeed {
  /** Place of the newest event; 0 while there is none. */
  head(): number;
  /** undefined: there is no such event, or it is no longer kept. */
  placeOf(eventId: string): number | undefined;
  /** At most `limit` events after a place. `seesPins`: they may carry PINs. */
  after(place: number, limit: number, seesPins: boolean): readonly PlacedEvent[];
  /** Called after events were stored; the returned function ends it. */
  onNew(listener: () => void): () => void;
}

export interface PlacedEvent {
  readonly place: number;
  readonly id: string;
  readonly type: string;
  readonly event: JsonObject;
}
