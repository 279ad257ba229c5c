import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeBody, parseBody } from "#src/cloud/body";
import type { Welcome } from "#src/cloud/wire";

const EPOCH = { n: 1, id: "evil" };
const HEAD = 7;

export function welcomeTo(nonce: string): Welcome {
  return {
    type: "welcome",
    session: "s",
    nonce_echo: nonce,
    epoch: EPOCH,
    head: HEAD,
    floor: 0,
    ingested: {},
    want_from: 1,
    time: Date.now(),
  };
}

/** Bodies with a secret in fields where none belongs, in broken messages, and in what is no message at all. */
export function misdeedsOf(
  pin: string,
  { entranceId, systemId }: { readonly entranceId: string; readonly systemId: string },
): readonly string[] {
  const credential = (changes: object) => ({
    acs_credential_id: crypto.randomUUID(),
    acs_system_id: systemId,
    acs_user_id: null,
    access_method: "card",
    allowed_acs_entrance_ids: [entranceId],
    starts_at: null,
    ends_at: null,
    is_one_time_use: false,
    has_code: true,
    state: "active",
    created_at: "2026-11-22T10:00:00.000Z",
    ...changes,
  });
  const item = (rev: number, changes: object) => ({
    rev,
    kind: "acs_credential",
    id: `item-${rev}`,
    op: "put",
    spec: credential({}),
    spec_hash: "0".repeat(64),
    secret: pin,
    ...changes,
  });
  const items = [
    item(1, { secret: { code: pin } }),
    item(2, { spec: credential({ code: pin }) }),
    item(3, { spec: credential({ ends_at: pin }) }),
    item(4, { kind: "thing", spec: { code: pin } }),
    item(5, { spec: pin }),
    item(6, { op: pin }),
    item(HEAD, {}),
  ];
  const page = { type: "page", epoch: EPOCH, from: 0, to: HEAD, head: HEAD, ingested: {} };
  const body = (...messages: object[]): string => JSON.stringify({ v: "1.0", session: "s", messages });
  return [
    body({ ...page, items }),
    body({ ...page, items: pin }, { type: pin }),
    `<html>${pin}</html>`,
    `{"code":"${pin}"`,
    JSON.stringify(pin),
  ];
}

/** A cloud that welcomes and then throws secrets around; it sends the gateway's own token back wherever it can. */
export async function startEvilCloud(
  pin: string,
  at: { readonly entranceId: string; readonly systemId: string },
) {
  const misdeeds = misdeedsOf(pin, at);
  let asked = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const token = request.headers.authorization ?? "";
      const nonce = nonceIn(Buffer.concat(chunks));
      if (nonce !== undefined) {
        response.writeHead(200, { "x-token": token });
        response.end(encodeBody("s", [welcomeTo(nonce)]));
        return;
      }
      const misdeed = misdeeds[asked++ % (misdeeds.length + 1)];
      response.writeHead(misdeed === undefined ? 500 : 200, { "x-token": token });
      response.end(misdeed ?? `${pin} ${token}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return {
    url: `http://127.0.0.1:${port}`,
    /** Answers that were none of a welcome. */
    misdeeds: () => asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function nonceIn(bytes: Uint8Array): string | undefined {
  const body = parseBody(bytes);
  const hello = body.ok
    ? body.messages.flatMap((it) => (it.ok ? [it.message] : [])).find(({ type }) => type === "hello")
    : undefined;
  return hello?.type === "hello" ? hello.nonce : undefined;
}
