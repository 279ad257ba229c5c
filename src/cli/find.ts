import { z } from "zod";
import { credentialsList } from "#src/api/schemas/credentials";
import { statusGet } from "#src/api/schemas/desk";
import { devicesList } from "#src/api/schemas/devices";
import type { acsCredential, device } from "#src/api/schemas/objects";
import { usersList } from "#src/api/schemas/users";
import { isUuid } from "#src/lib/uuid";
import { type DaemonClient, understood } from "./daemon-client.js";
import { refused } from "./exit-codes.js";
import { rowsOf } from "./pages.js";
import { alternatives, stateOf } from "./words.js";

/** People name things as they see them; the API wants ids. One match is taken, several are listed, none is refused. */

export const encoderFacts = z.looseObject({
  acs_encoder_id: z.string(),
  key: z.string(),
  name: z.string(),
  is_online: z.boolean(),
});
export type EncoderFacts = z.infer<typeof encoderFacts>;

type Credential = z.infer<typeof acsCredential>;

/** By id, configuration key, name, or the beginning of one of them; without a text the only one there is. */
export async function findEncoder(client: DaemonClient, text: string | undefined): Promise<EncoderFacts> {
  const { status } = await client.call(statusGet, {});
  const encoders = understood(z.array(encoderFacts), status["encoders"], "encoders");
  const describe = ({ key, name, acs_encoder_id }: EncoderFacts) => `${key}  ${name}  ${acs_encoder_id}`;
  if (encoders.length === 0) throw refused("No encoder is configured.", "acs_encoder_not_found");
  if (text === undefined) {
    const [only, ...others] = encoders;
    if (only !== undefined && others.length === 0) return only;
    throw refused(`Name the encoder with --encoder:\n${alternatives(encoders.map(describe))}`);
  }
  return onlyOne(
    named(encoders, text, ({ acs_encoder_id, key, name }) => [acs_encoder_id, key, name]),
    { text, what: "encoder", type: "acs_encoder_not_found", describe, known: encoders },
  );
}

/** By id, the beginning of one, or the name of the person it is for. */
export async function findCredential(client: DaemonClient, text: string): Promise<string> {
  if (isUuid(text)) return text.toLowerCase();
  const bySearch = await client.call(credentialsList, { search: text, limit: 50 });
  const found = new Map(
    named(bySearch.acs_credentials, text, ({ acs_credential_id }) => [acs_credential_id]).map(
      (credential) => [credential.acs_credential_id, credential],
    ),
  );
  const users = await client.call(usersList, { search: text, limit: 10 });
  for (const user of named(users.acs_users, text, ({ display_name }) => [display_name])) {
    const theirs = await client.call(credentialsList, { acs_user_id: user.acs_user_id, limit: 50 });
    for (const credential of theirs.acs_credentials) found.set(credential.acs_credential_id, credential);
  }
  const credential = onlyOne([...found.values()], {
    text,
    what: "credential",
    type: "acs_credential_not_found",
    describe: (one: Credential) => `${one.acs_credential_id}  ${one.display_name}  ${stateOf(one)}`,
    known: [],
  });
  return credential.acs_credential_id;
}

export async function allLocks(client: DaemonClient): Promise<readonly z.infer<typeof device>[]> {
  const { items } = await rowsOf(
    (paging) => client.call(devicesList, paging),
    (page) => page.devices,
  );
  return items;
}

/** By id, name, or the beginning of one of them. */
export async function findLock(client: DaemonClient, text: string): Promise<z.infer<typeof device>> {
  const devices = await allLocks(client);
  return onlyOne(
    named(devices, text, ({ device_id, display_name }) => [device_id, display_name]),
    {
      text,
      what: "lock",
      type: "device_not_found",
      describe: ({ device_id, display_name }) => `${display_name}  ${device_id}`,
      known: devices,
    },
  );
}

/** Those that are named exactly so; without any, those with a name that begins so. Letters' case does not count. */
function named<T>(items: readonly T[], text: string, namesOf: (item: T) => readonly string[]): readonly T[] {
  const wanted = text.toLowerCase();
  const those = (fits: (name: string) => boolean) =>
    items.filter((item) => namesOf(item).some((name) => fits(name.toLowerCase())));
  const exact = those((name) => name === wanted);
  return exact.length > 0 ? exact : those((name) => name.startsWith(wanted));
}

function onlyOne<T>(
  found: readonly T[],
  about: {
    readonly text: string;
    readonly what: string;
    readonly type: string;
    readonly describe: (item: T) => string;
    readonly known: readonly T[];
  },
): T {
  const [first, ...others] = found;
  if (first === undefined) {
    const list =
      about.known.length === 0 ? "" : ` There are:\n${alternatives(about.known.map(about.describe))}`;
    throw refused(`There is no ${about.what} "${about.text}".${list}`, about.type);
  }
  if (others.length > 0) {
    const list = alternatives(found.map(about.describe));
    throw refused(
      `"${about.text}" may mean several ${about.what}s; say which by its id:\n${list}`,
      "ambiguous_name",
    );
  }
  return first;
}
