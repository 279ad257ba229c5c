import { randomBytes } from "node:crypto";
import { gatewayModel } from "#src/api/gateway-model";
import { createApi } from "#src/api/server";
import type { JsonObject } from "#src/lib/json";
import type { EngineRig } from "./engine-rig.js";

export interface Answer {
  readonly status: number;
  readonly body: JsonObject;
}

/** The gateway's routes over a rig, asked as over the unix socket. Time moves while an answer is waited for. */
export function rigApi(rig: EngineRig): { post(path: string, body: object): Promise<Answer> } {
  const app = createApi({
    model: gatewayModel(rig.engine, { isSandbox: false }),
    auth: "local socket",
    clock: rig.clock,
    random: (size) => new Uint8Array(randomBytes(size)),
    log: {
      error(fields, message) {
        throw new Error(message, { cause: fields });
      },
    },
    isReady: () => true,
  });
  return {
    async post(path, body) {
      const headers = { "content-type": "application/json" };
      const asked = app.inject({ method: "POST", url: path, headers, payload: JSON.stringify(body) });
      const answered = asked.then((response) => response);
      const response = await rig.clock.until(answered, { msMax: 60_000 });
      return { status: response.statusCode, body: response.json<JsonObject>() };
    },
  };
}
