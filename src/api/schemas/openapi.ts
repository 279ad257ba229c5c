import { z } from "zod";
import { endpoint, READ } from "./endpoint.js";

/** What this server serves, in OpenAPI 3.1: not in the envelope. */
export const openApiGet = endpoint({
  path: "/openapi.json",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: z.looseObject({ openapi: z.literal("3.1.0") }),
});
