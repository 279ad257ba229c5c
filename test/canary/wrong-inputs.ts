export interface WrongInput {
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const CREATE = "/acs/credentials/create";
const UPDATE = "/acs/credentials/update";

/** Requests that put a secret where none belongs, in every place that a request has. */
export function wrongInputs(secret: string): readonly WrongInput[] {
  const json = (what: string, path: string, body: unknown): WrongInput => ({
    what,
    path,
    body: JSON.stringify(body),
  });
  const card = { access_method: "card" };
  return [
    json("a PIN with a letter", CREATE, { ...card, code: `${secret}x` }),
    json("a PIN that is too long", CREATE, { ...card, code: `${secret}0` }),
    json("a PIN as a number", CREATE, { ...card, code: Number(secret.slice(0, 15)), note: secret }),
    json("a PIN in a list", CREATE, { ...card, code: [secret] }),
    json("a PIN as the method", CREATE, { access_method: secret }),
    json("a PIN as an entrance", CREATE, { ...card, allowed_acs_entrance_ids: [secret] }),
    json("a PIN as a date", CREATE, { ...card, ends_at: secret }),
    json("a PIN as the name of a parameter", CREATE, { ...card, [secret]: 1 }),
    json("a PIN as metadata", CREATE, { ...card, visionline_metadata: { card_format: secret } }),
    json("a PIN for an unknown credential", UPDATE, { acs_credential_id: crypto.randomUUID(), code: secret }),
    json("a PIN as an id", UPDATE, { acs_credential_id: secret }),
    json("a PIN as a user", "/acs/users/create", { full_name: { code: secret }, acs_system_id: secret }),
    json("a PIN to search for", "/acs/credentials/list", { search: { code: secret } }),
    json("a PIN as a cursor", "/acs/credentials/list", { page_cursor: secret }),
    json("a PIN as an encoder", "/acs/encoders/encode_credential", {
      acs_encoder_id: secret,
      acs_credential_id: secret,
    }),
    json("a PIN as an event type", "/events/list", { event_type: secret, since: secret }),
    json("a key that is too short", "/lockbridge/keys/import", { issuer: "0a", card_master: secret }),
    json("a role", "/lockbridge/tokens/create", { name: "x", role: secret }),
    json("no such route", `/acs/${secret}`, {}),
    json("a query", `${CREATE}?code=${secret}&access_method=${secret}`, {}),
    { what: "broken JSON", path: CREATE, body: `{"code":"${secret}",}` },
    { what: "half a JSON", path: CREATE, body: `{"access_method":"card","code":"${secret}` },
    { what: "JSON too deep", path: CREATE, body: `${'{"a":'.repeat(5_000)}"${secret}"` },
    { what: "a bare string", path: CREATE, body: JSON.stringify(secret) },
    {
      what: "a form",
      path: CREATE,
      body: `code=${secret}`,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    },
    {
      what: "a content type",
      path: CREATE,
      body: "{}",
      headers: { "content-type": `application/${secret}` },
    },
    { what: "a wrong key", path: CREATE, body: "{}", headers: { authorization: `Bearer seam_${secret}` } },
    {
      what: "a key of another kind",
      path: CREATE,
      body: "{}",
      headers: { authorization: `Basic ${secret}` },
    },
    { what: "another method", path: `${CREATE}?code=${secret}`, method: "PUT" },
  ];
}
