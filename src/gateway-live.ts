import { withPin } from "#src/api/event-pins";
import { causeOf } from "#src/api/gateway-attempts";
import type { AuditLog, EventFeed } from "#src/api/model";
import { isoInstant } from "#src/domain/seam/instant";
import type { Engine } from "#src/engine/engine";

/** Events as the gateway stores them, for streams. */
export function gatewayEvents(engine: Engine): EventFeed {
  const { events, objects } = engine.deps.store;
  return {
    head: () => events.lastSeq(),
    placeOf: (id) => events.seqOf(id),
    after: (place, limit, seesPins) =>
      events.after(place, limit).map(({ seq, event }) => ({
        place: seq,
        id: event.event_id,
        type: event.event_type,
        event: withPin(event, seesPins, (codeId) => objects.get("access_code", codeId)?.code),
      })),
    onNew: (listener) => engine.onEvents(listener),
  };
}

/** Who changed what at this site. */
export function gatewayAudit(engine: Engine): AuditLog {
  const { audit } = engine.deps.store;
  return {
    lastSeq: () => audit.lastSeq(),
    hasEntryOf: (by, seq) => audit.hasAfter(seq, by.name),
    append: (by, what, target) => engine.transact(causeOf(by), (tx) => tx.audit(what, target)),
    list: ({ limit, before }) =>
      audit
        .list({ limit, ...(before === undefined ? {} : { before }) })
        .map(({ seq, at, who, origin, what, target }) => ({
          seq,
          at: isoInstant(at),
          who,
          from: origin,
          what,
          target,
        })),
  };
}
