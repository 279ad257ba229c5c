import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { SeamWebhook } from "@seamapi/webhook";
import { memoryApi } from "#test/support/memory-api";
import { errorAnswer } from "./schemas/endpoint.js";

interface Answer {
  readonly webhook: {
    readonly webhook_id: string;
    readonly url: string;
    readonly event_types?: readonly string[];
    readonly secret: string;
  };
}

test("a webhook is made, read, listed, changed and deleted", async () => {
  const { post } = memoryApi();
  const url = "https://app.example/seam?key=1";
  const made = (await post("/webhooks/create", { url })).json<Answer>().webhook;
  expect(made).toEqual({ webhook_id: made.webhook_id, url, secret: made.secret });
  expect(() => new SeamWebhook(made.secret)).not.toThrow();
  const named = { webhook_id: made.webhook_id };
  expect((await post("/webhooks/get", named)).json<Answer>().webhook).toEqual(made);
  expect((await post("/webhooks/list")).json()).toMatchObject({ webhooks: [made] });
  const event_types = ["acs_credential.issued", "acs_user.created"];
  expect((await post("/webhooks/update", { ...named, event_types })).statusCode).toBe(200);
  expect((await post("/webhooks/get", named)).json<Answer>().webhook.event_types).toEqual(event_types);
  await post("/webhooks/update", { ...named, event_types: ["*"] });
  expect((await post("/webhooks/get", named)).json<Answer>().webhook).toEqual(made);
  expect((await post("/webhooks/delete", named)).json()).toEqual({ ok: true });
  for (const path of ["get", "delete"] as const) {
    const gone = await post(`/webhooks/${path}`, named);
    expect(gone.statusCode).toBe(404);
    expect(errorAnswer.parse(gone.json()).error.type).toBe("webhook_not_found");
  }
});

test("each webhook has a secret of its own", async () => {
  const { post } = memoryApi();
  const secrets = await Promise.all(
    [1, 2, 3].map(async () => {
      const response = await post("/webhooks/create", { url: "https://app.example/" });
      return response.json<Answer>().webhook.secret;
    }),
  );
  expect(new Set(secrets).size).toBe(3);
});

test.each([
  [{}, "url"],
  [{ url: "app.example" }, "url"],
  [{ url: "ftp://app.example/" }, "url"],
  [{ url: "http://169.254.169.254/" }, "url"],
  [{ url: "https://ann:pw@app.example/" }, "url"],
  [{ url: `https://app.example/${"x".repeat(2_000)}` }, "url"],
  [{ url: 5 }, "url"],
  [{ url: "https://app.example/", event_types: "acs_user.created" }, "event_types"],
  [{ url: "https://app.example/", event_types: [5] }, "event_types"],
])("%j is refused by the name of its parameter, and nothing is made", async (input, parameter) => {
  const { post } = memoryApi();
  const refused = await post("/webhooks/create", input);
  expect(refused.statusCode).toBe(400);
  const { error } = errorAnswer.parse(refused.json());
  expect(error.type).toBe("invalid_input");
  expect(error.validation_errors).toHaveProperty(parameter);
  expect((await post("/webhooks/list")).json()).toMatchObject({ webhooks: [] });
});

test("update needs the types, and a webhook that is there", async () => {
  const { post } = memoryApi();
  const { webhook } = (await post("/webhooks/create", { url: "https://app.example/" })).json<Answer>();
  expect((await post("/webhooks/update", { webhook_id: webhook.webhook_id })).statusCode).toBe(400);
  expect((await post("/webhooks/update", { webhook_id: randomUUID(), event_types: [] })).statusCode).toBe(
    404,
  );
});

test("there is a limit", async () => {
  const { post } = memoryApi();
  for (let n = 0; n < 100; n += 1) await post("/webhooks/create", { url: "https://app.example/" });
  const refused = await post("/webhooks/create", { url: "https://app.example/" });
  expect(errorAnswer.parse(refused.json()).error.type).toBe("too_many_webhooks");
});

test("webhooks are the administrator's", async () => {
  const { post } = memoryApi();
  for (const role of ["viewer", "technician"] as const) {
    expect((await post("/webhooks/list", {}, role)).statusCode).toBe(403);
  }
});
