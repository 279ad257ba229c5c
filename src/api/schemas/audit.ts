import { z } from "zod";
import { answer, endpoint, READ } from "./endpoint.js";
import { LIMIT_MAX } from "./fields.js";

/** The newest first. `before`: only what is older than the entry of this number. */
export const auditList = endpoint({
  path: "/lockbridge/audit/list",
  methods: READ,
  role: "admin",
  input: z.object({
    limit: z.int().min(1).max(LIMIT_MAX).default(100),
    before: z.int().min(1).optional(),
  }),
  output: answer({
    entries: z.array(
      z.object({
        seq: z.number(),
        at: z.string(),
        who: z.string(),
        /** An address, `local socket`, `cloud`; null where that is not known. */
        from: z.string().nullable(),
        what: z.string(),
        target: z.string().nullable(),
      }),
    ),
  }),
});
