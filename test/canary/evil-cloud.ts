import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeBody, parseBody } from "#src/cloud/body";

/**
 * A cloud that welcomes and then throws secrets around: in fields where none belongs, in broken messages, in the text
 * of errors. It sends the gateway's own token back wherever it can.
 */
export async function startEvilCloud(pin: string, entranceId: string, systemId: string) {
  const epoch = { n: 1, id: "evil" };
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
    item(7, {}),
  ];
  const answers: ((
    request: IncomingMessage,
    nonce: string,
  ) => { status?: number; body: string | Uint8Array })[] = [
    (_, nonce) => ({
      body: encodeBody("s", [
        {
          type: "welcome",
          session: "s",
          nonce_echo: nonce,
          epoch,
          head: 7,
          floor: 0,
          ingested: {},
          want_from: 1,
          time: Date.now(),
        } as never, // The wire's own type is checked where it is made; this cloud keeps to nothing.
      ]),
    }),
    () => ({
      body: JSON.stringify({
        v: "1.0",
        session: "s",
        messages: [{ type: "page", epoch, from: 0, to: 7, head: 7, ingested: {}, items }],
      }),
    }),
    () => ({
      body: JSON.stringify({
        v: "1.0",
        session: "s",
        messages: [{ type: "page", epoch, items: pin }, { type: pin }],
      }),
    }),
    () => ({ body: `<html>${pin}</html>` }),
    () => ({ body: `{"code":"${pin}"` }),
    () => ({ status: 500, body: `token and ${pin}` }),
  ];
  let asked = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = parseBody(Buffer.concat(chunks));
      const hello = body.ok ? body.messages.find((it) => it.ok && it.message.type === "hello") : undefined;
      const nonce = hello?.ok === true && hello.message.type === "hello" ? hello.message.nonce : "";
      // A hello begins the misbehaviour where the last session left off.
      const answer = nonce === "" ? answers[1 + (asked++ % (answers.length - 1))] : answers[0];
      const { status = 200, body: text } = answer?.(request, nonce) ?? { body: "" };
      const echo = request.headers.authorization ?? "";
      response.writeHead(status, { "x-token": echo, "content-type": "application/json" });
      response.end(status === 200 ? text : `${String(text)} ${echo}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  return {
    endpoint: `http://127.0.0.1:${port}`,
    /** Answers that were none of a welcome. */
    misdeeds: () => asked,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
