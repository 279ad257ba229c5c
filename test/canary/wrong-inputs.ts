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
  const device_id = crypto.randomUUID();
  const access_code_id = crypto.randomUUID();
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
    json("a PIN as a lock", "/access_codes/create", { device_id: secret, code: secret.slice(0, 8) }),
    json("a PIN that no lock takes", "/access_codes/create", { device_id, code: secret }),
    json("a PIN as the start of a code", "/access_codes/create", { device_id, starts_at: secret }),
    json("PINs for several locks", "/access_codes/create_multiple", {
      device_ids: [secret],
      code: secret,
      behavior_when_code_cannot_be_shared: secret,
    }),
    json("a PIN as the type of a code", "/access_codes/update", {
      access_code_id,
      code: secret,
      type: secret,
    }),
    json("PINs and times that belong together", "/access_codes/update_multiple", {
      common_code_key: [secret],
    }),
    json("a PIN at an unknown lock", "/access_codes/unmanaged/get", { device_id, code: secret.slice(0, 12) }),
    json("a PIN in a device's metadata", "/devices/update", {
      device_id,
      custom_metadata: { pin: [secret] },
    }),
    json("a PIN typed where nobody simulates", "/locks/simulate/keypad_code_entry", {
      device_id,
      code: secret.slice(0, 12),
    }),
    json("a lock's label", "/lockbridge/locks/inclusion/pin", { device: secret, pin: secret }),
    json("a QR code", "/lockbridge/locks/include", { device: secret, qr_code: { text: secret } }),
    json("a receiver's password", "/webhooks/create", { url: `ftp://user:${secret}@example.com/` }),
    {
      what: "a PIN in the address of a reading",
      path: `/access_codes/get?device_id=${device_id}&code=${secret.slice(0, 12)}`,
      method: "GET",
    },
    {
      what: "a PIN in an address that is wrong",
      path: `/access_codes/list?device_id=${secret}&limit=${secret}`,
      method: "GET",
    },
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
