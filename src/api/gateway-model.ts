import { blockedReason } from "#src/domain/blocked";
import { offlineReason } from "#src/engine/device-problem";
import type { Engine } from "#src/engine/engine";
import type { Cause } from "#src/engine/transaction";
import type { ActionAttempt, ObjectRow } from "#src/engine/ports";
import { wishedAt } from "#src/engine/time";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import { renderCredential, withProblem } from "#src/domain/seam/credential";
import { isoInstant } from "#src/domain/seam/instant";
import {
  checkCredentialAssign,
  checkCredentialCreate,
  checkCredentialUnassign,
  checkCredentialUpdate,
} from "#src/domain/seam/rules";
import { renderEncoder, renderEntrance, renderSystem, renderWorkspace } from "#src/domain/seam/site";
import { renderUser } from "#src/domain/seam/user";
import { type AcsCredentialSpec, acsCredentialSpec, type AcsUserSpec, acsUserSpec } from "#src/domain/spec";
import { type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { uuidV7 } from "#src/lib/uuid";
import { missing, valueOf } from "./fault.js";
import { absentPart } from "./model/absent-part.js";
import { type Caller, notSupported, type Page, type Paging, SeamError, type SeamModel } from "./model.js";

/** The Seam routes on the gateway: the engine decides, the store answers. */
export function gatewayModel(engine: Engine, options: { readonly isSandbox: boolean }): SeamModel {
  const { store, inventory, devices, time, random } = engine.deps;
  const createdAt = siteCreatedAt(engine);

  const newId = (): string => uuidV7(time.read().now, random(10));

  const userRow = (id: string): ObjectRow => found(store.objects.get("acs_user", id), "acs_user", id);
  const userSpec = (id: string): AcsUserSpec => acsUserSpec.parse(userRow(id).spec);
  const credentialRow = (id: string): ObjectRow =>
    found(store.objects.get("acs_credential", id), "acs_credential", id);
  const credentialSpec = (row: ObjectRow): AcsCredentialSpec => acsCredentialSpec.parse(row.spec);

  const credential = (row: ObjectRow, by: Caller): JsonObject => {
    const rendered = renderCredential({
      spec: credentialSpec(row),
      code: by.seesPins ? row.code : null,
      observed: engine.observe(row),
      inventory,
    });
    return withProblem(rendered, problemOf(row));
  };
  const user = (row: ObjectRow): JsonObject => renderUser(acsUserSpec.parse(row.spec), inventory);
  const offlineError = (unit: string) => {
    const { message, since } = offlineReason(devices, unit);
    return { code: "encoder_not_online", message, createdAt: since ?? createdAt };
  };
  const encoder = (item: (typeof inventory.encoders)[number]): JsonObject =>
    renderEncoder(item, inventory, {
      createdAt,
      errors: devices.isOnline(item.unit) ? [] : [offlineError(item.unit)],
    });
  const entrance = (item: (typeof inventory.entrances)[number]): JsonObject =>
    renderEntrance(item, inventory, { createdAt });
  const system = (item: (typeof inventory.systems)[number]): JsonObject =>
    renderSystem(item, inventory, { createdAt });

  const changeCredential = (
    spec: AcsCredentialSpec,
    code: Secret<string> | null,
    by: Caller,
    what: string,
  ): ObjectRow =>
    engine.localChange(
      { kind: "acs_credential", id: spec.acs_credential_id, spec: asJson(spec), code },
      causeOf(by),
      what,
    );
  const changeUser = (spec: AcsUserSpec, by: Caller, what: string): ObjectRow =>
    engine.localChange(
      { kind: "acs_user", id: spec.acs_user_id, spec: asJson(spec), code: null },
      causeOf(by),
      what,
    );

  const startJob = (
    kind: "encode" | "scan",
    encoderId: string,
    credentialId: string | null,
    by: Caller,
  ): JsonObject =>
    renderActionAttempt(
      startedJob(engine, { kind, encoderId, credentialId, overwrite: false, cause: causeOf(by) }),
    );

  return {
    workspace: { get: () => renderWorkspace(inventory, options) },
    systems: {
      get: (id) => system(foundIn(inventory.systems, "acs_system", id)),
      list: ({ search }) => matching(inventory.systems, search).map(system),
    },
    entrances: {
      credentialsWithAccess: absent,
      grantAccess: absent,
      unlock: absent,
      get: (id) => entrance(foundIn(inventory.entrances, "acs_entrance", id)),
      list(query) {
        const allowed =
          query.credentialId === undefined
            ? undefined
            : credentialSpec(credentialRow(query.credentialId)).allowed_acs_entrance_ids;
        const items = matching(inventory.entrances, query.search)
          .filter(({ systemId }) => query.systemId === undefined || systemId === query.systemId)
          .filter(({ id }) => query.entranceIds === undefined || query.entranceIds.includes(id))
          .filter(({ id }) => allowed === undefined || allowed.includes(id));
        return pageOfSite(items, query, createdAt, entrance);
      },
    },
    encoders: {
      scanToAssign: absent,
      get: (id) => encoder(foundIn(inventory.encoders, "acs_encoder", id)),
      list(query) {
        const items = inventory.encoders
          .filter(({ systemId }) => query.systemIds === undefined || query.systemIds.includes(systemId))
          .filter(({ id }) => query.encoderIds === undefined || query.encoderIds.includes(id));
        return pageOfSite(items, query, createdAt, encoder);
      },
      encode: ({ encoderId, credentialId }, by) => startJob("encode", encoderId, credentialId, by),
      scan: ({ encoderId }, by) => startJob("scan", encoderId, null, by),
    },
    accessGroups: absentPart("Access groups are"),
    accessCodes: absentPart("Access codes are"),
    devices: absentPart("Devices are"),
    locks: absentPart("Locks are"),
    users: {
      suspend: absent,
      unsuspend: absent,
      revokeAccess: absent,
      accessibleEntrances: absent,
      create(input, by) {
        foundIn(inventory.systems, "acs_system", input.systemId);
        const id = newId();
        const spec: AcsUserSpec = {
          acs_user_id: id,
          acs_system_id: input.systemId,
          full_name: input.fullName,
          ...(input.emailAddress === undefined ? {} : { email_address: input.emailAddress }),
          ...(input.phoneNumber === undefined ? {} : { phone_number: input.phoneNumber }),
          ...(input.accessSchedule === undefined
            ? {}
            : { access_schedule: scheduleOf(input.accessSchedule) }),
          state: "active",
          created_at: isoInstant(time.read().now),
        };
        return user(changeUser(spec, by, "created acs_user"));
      },
      get: (id) => user(userRow(id)),
      list: (query) => pageOfRows(store.objects.list("acs_user", listQuery(query)), query, user),
      update(id, change, by) {
        const spec: AcsUserSpec = {
          ...userSpec(id),
          ...(change.fullName === undefined ? {} : { full_name: change.fullName }),
          ...(change.emailAddress === undefined ? {} : { email_address: change.emailAddress }),
          ...(change.phoneNumber === undefined ? {} : { phone_number: change.phoneNumber }),
          ...(change.accessSchedule === undefined
            ? {}
            : { access_schedule: change.accessSchedule === null ? null : scheduleOf(change.accessSchedule) }),
        };
        changeUser(spec, by, "updated acs_user");
      },
      delete(id, by) {
        const spec = userSpec(id);
        const leaving = credentialsOf(engine, id).map((row) => ({
          kind: row.kind,
          id: row.id,
          spec: asJson({ ...credentialSpec(row), state: "deleted" }),
          code: null,
        }));
        const leaver = {
          kind: "acs_user",
          id,
          spec: asJson({ ...spec, state: "deleted" }),
          code: null,
        } as const;
        engine.localChanges([...leaving, leaver], causeOf(by), "deleted acs_user with its credentials");
      },
    },
    credentials: {
      accessibleEntrances: absent,
      create(input, by) {
        const reading = time.read();
        const userOfWish =
          input.userId === undefined ? undefined : store.objects.get("acs_user", input.userId);
        const spec = valueOf(
          checkCredentialCreate(input, {
            id: newId(),
            now: reading.now,
            certain: wishedAt(reading),
            inventory,
            user:
              userOfWish === undefined || userOfWish.gone ? undefined : acsUserSpec.parse(userOfWish.spec),
          }),
        );
        if (spec.access_method === "code") {
          throw new SeamError(
            400,
            "access_method_not_supported",
            "This gateway does not program keypads yet.",
          );
        }
        return credential(changeCredential(spec, input.code ?? null, by, "created acs_credential"), by);
      },
      get: (id, by) => credential(credentialRow(id), by),
      list: (query, by) =>
        pageOfRows(
          store.objects.list("acs_credential", { ...listQuery(query), ...pinIn(query, by) }),
          query,
          (row) => credential(row, by),
        ),
      update(id, change, by) {
        const row = credentialRow(id);
        const spec = valueOf(
          checkCredentialUpdate(change, { spec: credentialSpec(row), now: wishedAt(time.read()) }),
        );
        const isSame = change.code === undefined && change.endsAt === undefined;
        return credential(
          isSame ? row : changeCredential(spec, change.code ?? row.code, by, "updated acs_credential"),
          by,
        );
      },
      assign(id, userId, by) {
        const row = credentialRow(id);
        const spec = valueOf(checkCredentialAssign(credentialSpec(row), userSpec(userId)));
        return credential(changeCredential(spec, row.code, by, "assigned acs_credential"), by);
      },
      unassign(id, userId, by) {
        const row = credentialRow(id);
        userRow(userId);
        const spec = valueOf(checkCredentialUnassign(credentialSpec(row), userId));
        return credential(changeCredential(spec, row.code, by, "unassigned acs_credential"), by);
      },
      delete(id, by) {
        const row = credentialRow(id);
        changeCredential(
          { ...credentialSpec(row), state: "deleted" },
          row.code,
          by,
          "deleted acs_credential",
        );
      },
    },
    attempts: {
      get: (id) => renderActionAttempt(found(store.attempts.get(id), "action_attempt", id)),
      list: (query) => {
        const attempts = store.attempts.list({
          limit: query.limit + 1,
          ...(query.ids === undefined ? {} : { ids: query.ids }),
          ...(query.after === undefined ? {} : { after: query.after }),
        });
        return pageOfRows(attempts, query, renderActionAttempt);
      },
    },
    events: {
      get: (id) => found(store.events.get(id), "event", id),
      list: (query) =>
        store.events.list({
          limit: query.limit,
          where: query.where,
          newestFirst: query.newestFirst === true,
          ...(query.since === undefined ? {} : { since: query.since }),
          ...(query.before === undefined ? {} : { before: query.before }),
          ...(query.ids === undefined ? {} : { ids: query.ids }),
          ...(query.types === undefined ? {} : { types: query.types }),
        }),
    },
  };
}

/** Why nothing is made of it, when that is so. */
function problemOf({ blocked, record, createdAt }: ObjectRow) {
  if (blocked === null) return null;
  const [code = blocked] = blocked.split(":");
  const message = `No card can be made now: ${blockedReason(blocked)}.`;
  return { code, message, at: record?.context.since ?? createdAt };
}

/** The journal's name for who asks. */
export function causeOf(by: Caller): Cause {
  return { opBy: by.name };
}

/** Starts a job, or says in Seam's terms why there is none. */
export function startedJob(engine: Engine, request: Parameters<Engine["startJob"]>[0]): ActionAttempt {
  const started = engine.startJob(request);
  if (started.ok) return started.attempt;
  switch (started.why) {
    case "no_such_encoder":
      throw missing("acs_encoder", request.encoderId);
    case "no_such_credential":
      throw missing("acs_credential", request.credentialId ?? "");
    case "queue_full":
      throw new SeamError(
        429,
        "too_many_requests",
        "Eight jobs wait at this encoder already: try again when one is done.",
      );
  }
}

function found<T extends object>(item: T | undefined, resource: string, id: string): T {
  if (item === undefined || ("gone" in item && item.gone === true)) {
    throw missing(resource, id);
  }
  return item;
}

function foundIn<T extends { readonly id: string }>(items: readonly T[], resource: string, id: string): T {
  return found(
    items.find((item) => item.id === id),
    resource,
    id,
  );
}

/** Far beyond what one person holds. */
const USER_CREDENTIALS_MAX = 100_000;

/** A search that looks like a PIN also finds it whole; only for whoever may see PINs. */
function pinIn({ search = "" }: { search?: string | undefined }, by: Caller): { code?: Secret<string> } {
  return by.seesPins && /^\d+$/.test(search) ? { code: new Secret(search) } : {};
}

function credentialsOf(engine: Engine, userId: string): readonly ObjectRow[] {
  return engine.deps.store.objects.list("acs_credential", { userId, limit: USER_CREDENTIALS_MAX });
}

function scheduleOf({ startsAt, endsAt }: { startsAt: number; endsAt: number | null }) {
  return { starts_at: isoInstant(startsAt), ends_at: endsAt === null ? null : isoInstant(endsAt) };
}

/** A parsed document is JSON; its type allows absent members, which JSON leaves out. */
function asJson(spec: AcsCredentialSpec | AcsUserSpec): JsonObject {
  return JSON.parse(JSON.stringify(spec)) as JsonObject;
}

function listQuery(
  query: Paging & {
    systemId?: string | undefined;
    userId?: string | undefined;
    createdBefore?: number | undefined;
    search?: string | undefined;
  },
) {
  return {
    limit: query.limit + 1,
    ...(query.after === undefined ? {} : { after: query.after }),
    ...(query.systemId === undefined ? {} : { systemId: query.systemId }),
    ...(query.userId === undefined ? {} : { userId: query.userId }),
    ...(query.createdBefore === undefined ? {} : { createdBefore: query.createdBefore }),
    ...(query.search === undefined ? {} : { search: query.search }),
  };
}

/** Rows were asked for with one more than fits: that one says that there is a next page. */
function pageOfRows<T extends { readonly id: string; readonly createdAt: number }>(
  rows: readonly T[],
  { limit }: Paging,
  render: (row: T) => JsonObject,
): Page {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { items: shown.map(render), next: hasMore ? { createdAt: last.createdAt, id: last.id } : null };
}

/** Things of the configuration: all of one age, in the order of their ids. */
function pageOfSite<T extends { readonly id: string }>(
  items: readonly T[],
  query: Paging,
  createdAt: number,
  render: (item: T) => JsonObject,
): Page {
  const after = query.after?.id;
  const rest = [...items]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ id }) => after === undefined || id > after)
    .map((item) => ({ ...item, createdAt }));
  return pageOfRows(rest.slice(0, query.limit + 1), query, render);
}

function matching<T extends { readonly id: string; readonly name: string }>(
  items: readonly T[],
  search = "",
): readonly T[] {
  const wanted = search.toLowerCase();
  return items.filter(({ id, name }) => id.includes(wanted) || name.toLowerCase().includes(wanted));
}

/** When this store first saw the site: the age of everything that comes from the configuration. */
function siteCreatedAt(engine: Engine): number {
  const { meta } = engine.deps.store;
  const known = meta.get("site_created_at");
  if (typeof known === "number") return known;
  const now = engine.deps.time.read().now;
  meta.set("site_created_at", now);
  return now;
}

function absent(): never {
  throw notSupported("This is");
}
