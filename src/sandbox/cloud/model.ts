import { missing, valueOf } from "#src/api/fault";
import {
  type Caller,
  type CredentialQuery,
  notSupported,
  type Page,
  type Paging,
  SeamError,
  type SeamModel,
} from "#src/api/model";
import { absentPart } from "#src/api/model/absent-part";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import { observedAt, renderCredential, withProblem } from "#src/domain/seam/credential";
import { isoInstant } from "#src/domain/seam/instant";
import {
  checkCredentialAssign,
  checkCredentialCreate,
  checkCredentialUnassign,
  checkCredentialUpdate,
} from "#src/domain/seam/rules";
import { renderEncoder, renderEntrance, renderSystem, renderWorkspace } from "#src/domain/seam/site";
import { renderUser } from "#src/domain/seam/user";
import {
  type AcsCredentialSpec,
  acsCredentialSpec,
  type AcsUserSpec,
  acsUserSpec,
  type ObjectKind,
} from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { CloudObject } from "./feed.js";
import type { CloudSite } from "./site.js";

/** The Seam routes in the stand-in cloud: wishes go into the feed, answers come from what the gateway reported. */
export function cloudModel(site: CloudSite): SeamModel {
  const now = () => site.clock.now();
  const inventory = () => site.inventory.get();

  const objectOf = (kind: ObjectKind, id: string): CloudObject => {
    const object = site.feed.get(kind, id);
    if (object === undefined || object.isGone || object.isForgotten) throw missing(kind, id);
    return object;
  };
  const listed = (kind: ObjectKind): readonly CloudObject[] =>
    site.feed.list(kind).filter(({ isGone, isForgotten }) => !isGone && !isForgotten);
  const userSpec = (id: string): AcsUserSpec => acsUserSpec.parse(objectOf("acs_user", id).spec);
  const credentialSpec = (id: string): AcsCredentialSpec =>
    acsCredentialSpec.parse(objectOf("acs_credential", id).spec);
  const user = (object: CloudObject): JsonObject => renderUser(acsUserSpec.parse(object.spec), inventory());
  const credential = (object: CloudObject, by: Caller): JsonObject => {
    const rendered = renderCredential({
      spec: acsCredentialSpec.parse(object.spec),
      code: by.seesPins ? object.code : null,
      observed: object.observed === null ? null : observedAt(object.observed, object.rev),
      inventory: inventory(),
    });
    return withProblem(rendered, object.problem);
  };

  const putUser = (spec: AcsUserSpec): JsonObject => {
    site.put({ kind: "acs_user", id: spec.acs_user_id, spec: asJson(spec), code: null });
    return user(objectOf("acs_user", spec.acs_user_id));
  };
  const putCredential = (spec: AcsCredentialSpec, code: Secret<string> | null, by: Caller): JsonObject => {
    site.put({ kind: "acs_credential", id: spec.acs_credential_id, spec: asJson(spec), code });
    return credential(objectOf("acs_credential", spec.acs_credential_id), by);
  };
  const encoderOf = (id: string) => foundIn(inventory().encoders, "acs_encoder", id);

  return {
    workspace: { get: () => renderWorkspace(inventory(), { isSandbox: true }) },
    systems: {
      get: (id) => renderSystem(foundIn(inventory().systems, "acs_system", id), inventory(), seen(site, id)),
      list: ({ search }) =>
        named(inventory().systems, search).map((item) =>
          renderSystem(item, inventory(), seen(site, item.id)),
        ),
    },
    entrances: {
      credentialsWithAccess: absent,
      grantAccess: absent,
      unlock: absent,
      get: (id) =>
        renderEntrance(foundIn(inventory().entrances, "acs_entrance", id), inventory(), seen(site, id)),
      list(query) {
        const { credentialId, entranceIds, systemId } = query;
        const allowed =
          credentialId === undefined ? undefined : credentialSpec(credentialId).allowed_acs_entrance_ids;
        const items = named(inventory().entrances, query.search)
          .filter((item) => systemId === undefined || item.systemId === systemId)
          .filter(({ id }) => entranceIds === undefined || entranceIds.includes(id))
          .filter(({ id }) => allowed === undefined || allowed.includes(id));
        return pageOf(withAge(site, items), query, (item) =>
          renderEntrance(item, inventory(), seen(site, item.id)),
        );
      },
    },
    encoders: {
      scanToAssign: absent,
      get: (id) => renderEncoder(encoderOf(id), inventory(), seen(site, id)),
      list({ systemIds, encoderIds, ...paging }) {
        const items = inventory()
          .encoders.filter(({ systemId }) => systemIds === undefined || systemIds.includes(systemId))
          .filter(({ id }) => encoderIds === undefined || encoderIds.includes(id));
        return pageOf(withAge(site, items), paging, (item) =>
          renderEncoder(item, inventory(), seen(site, item.id)),
        );
      },
      encode({ encoderId, credentialId }, by) {
        encoderOf(encoderId);
        objectOf("acs_credential", credentialId);
        return renderActionAttempt(site.command("encode", encoderId, credentialId, by.name));
      },
      scan({ encoderId }, by) {
        encoderOf(encoderId);
        return renderActionAttempt(site.command("scan", encoderId, null, by.name));
      },
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
      create(input) {
        foundIn(inventory().systems, "acs_system", input.systemId);
        return putUser({
          acs_user_id: site.newId(),
          acs_system_id: input.systemId,
          full_name: input.fullName,
          ...(input.emailAddress === undefined ? {} : { email_address: input.emailAddress }),
          ...(input.phoneNumber === undefined ? {} : { phone_number: input.phoneNumber }),
          ...(input.accessSchedule === undefined ? {} : { access_schedule: schedule(input.accessSchedule) }),
          state: "active",
          created_at: isoInstant(now()),
        });
      },
      get: (id) => user(objectOf("acs_user", id)),
      list(query) {
        const rows = filtered(listed("acs_user"), query).filter((row) =>
          contains(query.search, userTexts(row)),
        );
        return pageOf(rows, query, user);
      },
      update(id, change) {
        putUser({
          ...userSpec(id),
          ...(change.fullName === undefined ? {} : { full_name: change.fullName }),
          ...(change.emailAddress === undefined ? {} : { email_address: change.emailAddress }),
          ...(change.phoneNumber === undefined ? {} : { phone_number: change.phoneNumber }),
          ...(change.accessSchedule === undefined
            ? {}
            : { access_schedule: change.accessSchedule === null ? null : schedule(change.accessSchedule) }),
        });
      },
      delete(id) {
        objectOf("acs_user", id);
        site.transact(() => {
          for (const held of listed("acs_credential")) {
            if (held.spec["acs_user_id"] === id) site.delete("acs_credential", held.id);
          }
          site.delete("acs_user", id);
        });
      },
    },
    credentials: {
      accessibleEntrances: absent,
      create(input, by) {
        const holder = input.userId === undefined ? undefined : site.feed.get("acs_user", input.userId);
        const spec = valueOf(
          checkCredentialCreate(input, {
            id: site.newId(),
            now: now(),
            inventory: inventory(),
            user: holder === undefined || holder.isGone ? undefined : acsUserSpec.parse(holder.spec),
          }),
        );
        if (spec.access_method === "code") {
          throw new SeamError(400, "access_method_not_supported", "Gateways do not program keypads yet.");
        }
        return putCredential(spec, input.code ?? null, by);
      },
      get: (id, by) => credential(objectOf("acs_credential", id), by),
      list(query, by) {
        const rows = filtered(listed("acs_credential"), query)
          .filter(({ spec }) => query.userId === undefined || spec["acs_user_id"] === query.userId)
          .filter(
            (row) =>
              contains(query.search, credentialTexts(credential(row, by))) ||
              row.code?.reveal() === query.search,
          );
        return pageOf(rows, query, (row) => credential(row, by));
      },
      update(id, change, by) {
        const object = objectOf("acs_credential", id);
        const spec = valueOf(checkCredentialUpdate(change, { spec: credentialSpec(id), now: now() }));
        if (change.code === undefined && change.endsAt === undefined) return credential(object, by);
        return putCredential(spec, change.code ?? object.code, by);
      },
      assign(id, userId, by) {
        const object = objectOf("acs_credential", id);
        return putCredential(
          valueOf(checkCredentialAssign(credentialSpec(id), userSpec(userId))),
          object.code,
          by,
        );
      },
      unassign(id, userId, by) {
        const object = objectOf("acs_credential", id);
        objectOf("acs_user", userId);
        return putCredential(valueOf(checkCredentialUnassign(credentialSpec(id), userId)), object.code, by);
      },
      delete(id) {
        objectOf("acs_credential", id);
        site.delete("acs_credential", id);
      },
    },
    attempts: {
      get(id) {
        site.expire();
        const attempt = site.commands.get(id);
        if (attempt === undefined) throw missing("action_attempt", id);
        return renderActionAttempt(attempt);
      },
      list({ ids, ...paging }) {
        site.expire();
        const attempts = site.commands.list().filter(({ id }) => ids === undefined || ids.includes(id));
        return pageOf(attempts, paging, renderActionAttempt);
      },
    },
    events: {
      get(id) {
        const event = site.events.get(id);
        if (event === undefined) throw missing("event", id);
        return event;
      },
      list: (query) => site.events.list(query),
    },
  };
}

function seen(site: CloudSite, id: string): { readonly createdAt: number } {
  return { createdAt: site.inventory.createdAt(id) };
}

function withAge<T extends { readonly id: string }>(site: CloudSite, items: readonly T[]) {
  return items
    .map((item) => ({ ...item, ...seen(site, item.id) }))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

function foundIn<T extends { readonly id: string }>(items: readonly T[], resource: string, id: string): T {
  const item = items.find((candidate) => candidate.id === id);
  if (item === undefined) throw missing(resource, id);
  return item;
}

/** `rows` come in the order (createdAt, id). */
function pageOf<T extends { readonly id: string; readonly createdAt: number }>(
  rows: readonly T[],
  { limit, after }: Paging,
  render: (row: T) => JsonObject,
): Page {
  const rest = rows.filter(
    (row) =>
      after === undefined ||
      row.createdAt > after.createdAt ||
      (row.createdAt === after.createdAt && row.id > after.id),
  );
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rest.length > limit && last !== undefined;
  return { items: shown.map(render), next: hasMore ? { createdAt: last.createdAt, id: last.id } : null };
}

function filtered(
  rows: readonly CloudObject[],
  { systemId, createdBefore }: Pick<CredentialQuery, "systemId" | "createdBefore">,
): readonly CloudObject[] {
  return rows
    .filter(({ spec }) => systemId === undefined || spec["acs_system_id"] === systemId)
    .filter(({ createdAt }) => createdBefore === undefined || createdAt < createdBefore);
}

function named<T extends { readonly id: string; readonly name: string }>(
  items: readonly T[],
  search?: string,
): readonly T[] {
  return items.filter(({ id, name }) => contains(search, [id, name]));
}

function contains(search: string | undefined, texts: readonly unknown[]): boolean {
  if (search === undefined) return true;
  const wanted = search.toLowerCase();
  return texts.some((text) => typeof text === "string" && text.toLowerCase().includes(wanted));
}

function userTexts({ id, spec }: CloudObject): readonly unknown[] {
  return [id, spec["full_name"], spec["email_address"], spec["phone_number"]];
}

function credentialTexts(rendered: JsonObject): readonly unknown[] {
  return ["acs_credential_id", "acs_user_id", "display_name", "card_number"].map((name) => rendered[name]);
}

function schedule({ startsAt, endsAt }: { readonly startsAt: number; readonly endsAt: number | null }) {
  return { starts_at: isoInstant(startsAt), ends_at: endsAt === null ? null : isoInstant(endsAt) };
}

/** A parsed document is JSON; its type allows absent members, which JSON leaves out. */
function asJson(spec: AcsCredentialSpec | AcsUserSpec): JsonObject {
  return JSON.parse(JSON.stringify(spec)) as JsonObject;
}

function absent(): never {
  throw notSupported("This is");
}
