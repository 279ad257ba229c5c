import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { JsonObject } from "#src/lib/json";
import { KEYS, type MemoryApi, memoryApi } from "#test/support/memory-api";
import { HEARTBEAT_MS } from "./sse.js";
import { jobProgress } from "./schemas/desk.js";

const opened: MemoryApi[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ app }) => app.close()));
});

interface Stream {
  readonly status: number;
  /** The text so far once it holds `wanted`; fails when the stream ends without it. */
  until(wanted: string): Promise<string>;
  /** Everything, when the server has ended it. */
  rest(): Promise<string>;
  leave(): void;
}

async function listening(): Promise<{ api: MemoryApi; endpoint: string; attemptId: string }> {
  const api = memoryApi();
  opened.push(api);
  const endpoint = await api.app.listen({ host: "127.0.0.1", port: 0 });
  const scan = await api.post("/acs/encoders/scan_credential", { acs_encoder_id: api.site.encoderId });
  const { action_attempt: attempt } = scan.json<{ action_attempt: { action_attempt_id: string } }>();
  return { api, endpoint, attemptId: attempt.action_attempt_id };
}

async function stream(endpoint: string, attemptId: string, lastEventId?: string): Promise<Stream> {
  const control = new AbortController();
  const response = await fetch(`${endpoint}/lockbridge/jobs/${attemptId}/stream`, {
    headers: {
      authorization: `Bearer ${KEYS.viewer}`,
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
    signal: control.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const readMore = async (): Promise<boolean> => {
    const part = await reader?.read();
    text += part?.value ?? "";
    return part?.done === false;
  };
  return {
    status: response.status,
    async until(wanted) {
      while (!text.includes(wanted)) {
        if (!(await readMore())) throw new Error(`ended without ${wanted}: ${text}`);
      }
      return text;
    },
    async rest() {
      while (await readMore());
      return text;
    },
    leave: () => control.abort(),
  };
}

/** `event id` of each message. */
function messages(text: string): string[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id:"))
    .map((block) => {
      const fields = Object.fromEntries(
        block
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      jobProgress.parse(JSON.parse(fields["data"] ?? ""));
      return `${fields["event"]} ${fields["id"]}`;
    });
}

test("what happened is replayed, what happens follows, and done ends it", async () => {
  const { api, endpoint, attemptId } = await listening();
  api.work.say(attemptId, "waiting_for_card");
  const live = await stream(endpoint, attemptId);
  expect(live.status).toBe(200);
  await live.until("waiting_for_card");
  api.work.say(attemptId, "reading");
  await live.until("now reading");
  api.site.putCard();
  api.work.say(attemptId, "done");
  const text = await live.rest();
  expect(text.startsWith("retry: 1000\n\n")).toBe(true);
  expect(messages(text)).toEqual(["progress 1", "progress 2", "done done"]);
  expect(text).toContain('"status":"success"');
  expect(api.work.followers).toBe(0);
  expect(api.clock.pending).toBe(0);
});

test("Last-Event-ID resumes after it; who has it all is told not to come back", async () => {
  const { api, endpoint, attemptId } = await listening();
  for (const step of ["waiting_for_card", "card_seen", "reading", "done"] as const) {
    api.work.say(attemptId, step);
  }
  const resumed = await stream(endpoint, attemptId, "2");
  expect(messages(await resumed.rest())).toEqual(["progress 3", "done done"]);
  const nonsense = await stream(endpoint, attemptId, "-1e9");
  expect(messages(await nonsense.rest())).toHaveLength(4);
  const complete = await stream(endpoint, attemptId, "done");
  expect(complete.status).toBe(204);
  expect(api.work.followers).toBe(0);
});

test("a quiet stream beats, and stops when the listener leaves", async () => {
  const { api, endpoint, attemptId } = await listening();
  const quiet = await stream(endpoint, attemptId);
  await quiet.until("retry");
  expect(api.clock.pending).toBe(1);
  await api.clock.advance(HEARTBEAT_MS);
  await quiet.until(": still here\n\n");
  quiet.leave();
  await expect.poll(() => api.clock.pending).toBe(0);
  expect(api.work.followers).toBe(0);
});

test("closing the server ends its streams", async () => {
  const { api, endpoint, attemptId } = await listening();
  const open = await stream(endpoint, attemptId);
  await open.until("retry");
  await api.app.close();
  expect(await open.rest()).toBe("retry: 1000\n\n");
  expect(api.clock.pending).toBe(0);
});

test("a connection that never asks for anything does not hold the close up", async () => {
  const { api, endpoint } = await listening();
  const silent = connect({ host: "127.0.0.1", port: Number(new URL(endpoint).port) });
  silent.on("error", () => undefined);
  await new Promise((resolve) => silent.once("connect", resolve));
  const cut = new Promise((resolve) => silent.once("close", resolve));
  await api.app.close();
  await cut;
});

test("an answer under way is finished before the server closes", async () => {
  const { api, endpoint, attemptId } = await listening();
  let finish = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    (api.work.desk as { cancel: unknown }).cancel = () => {
      resolve();
      return new Promise<JsonObject>((done) => (finish = () => done({ state: "error" })));
    };
  });
  const answer = fetch(`${endpoint}/lockbridge/jobs/${attemptId}/cancel`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEYS.admin}` },
  });
  await arrived;
  const closed = api.app.close();
  await new Promise((resolve) => setImmediate(resolve));
  finish();
  expect((await answer).status).toBe(200);
  await closed;
  expect(api.clock.pending).toBe(0);
});

test("so many streams and no more", async () => {
  const { endpoint, attemptId } = await listening();
  const streams = await Promise.all(Array.from({ length: 64 }, () => stream(endpoint, attemptId)));
  expect(streams.map(({ status }) => status)).toEqual(Array.from({ length: 64 }, () => 200));
  expect((await stream(endpoint, attemptId)).status).toBe(429);
  for (const each of streams) each.leave();
});

test("an unknown job is 404 before anything is streamed", async () => {
  const { endpoint } = await listening();
  expect((await stream(endpoint, randomUUID())).status).toBe(404);
});

test("over a unix socket no key is needed", async () => {
  const api = memoryApi({ isLocal: true });
  opened.push(api);
  const folder = await mkdtemp(join(tmpdir(), "lockbridge-api-"));
  try {
    const socketPath = join(folder, "api.sock");
    await api.app.listen({ path: socketPath });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ socketPath, path: "/lockbridge/tokens/list" }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  } finally {
    await rm(folder, { recursive: true });
  }
});
