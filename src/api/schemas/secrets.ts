import { z } from "zod";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { ACT, answer, endpoint, READ, REMOVE } from "./endpoint.js";
import { text } from "./fields.js";

/** What only an administrator may do: site keys and API tokens. */

/** Hex of exactly `size` bytes. */
function secretHex(size: number) {
  return z
    .string("must be a string of hex")
    .regex(new RegExp(`^[0-9a-fA-F]{${size * 2}}$`), `must be ${size} bytes of hex`)
    .transform((hex) => new Secret(fromHex(hex)));
}

export const keysList = endpoint({
  path: "/lockbridge/keys/list",
  methods: READ,
  role: "admin",
  input: z.object({}),
  output: answer({ key_sets: z.array(z.looseObject({})) }),
});

export const keysCreate = endpoint({
  path: "/lockbridge/keys/create",
  methods: ACT,
  role: "admin",
  input: z.object({}),
  output: answer({ key_set: z.looseObject({}) }),
});

export const keysRotate = endpoint({
  path: "/lockbridge/keys/rotate",
  methods: ACT,
  role: "admin",
  input: z.object({}),
  output: answer({ key_set: z.looseObject({}) }),
});

/** Issuer id: 4 bytes. Card master: 16 bytes (AES-128). */
export const keysImport = endpoint({
  path: "/lockbridge/keys/import",
  methods: ACT,
  role: "admin",
  input: z.object({ issuer: secretHex(4), card_master: secretHex(16) }),
  output: answer({ key_set: z.looseObject({}) }),
});

export const tokensList = endpoint({
  path: "/lockbridge/tokens/list",
  methods: READ,
  role: "admin",
  input: z.object({}),
  output: answer({ tokens: z.array(z.looseObject({})) }),
});

/** The token is in this answer and nowhere else. */
export const tokensCreate = endpoint({
  path: "/lockbridge/tokens/create",
  methods: ACT,
  role: "admin",
  input: z.object({ name: text, role: z.enum(["viewer", "technician", "admin"]) }),
  output: answer({ token: z.object({ token_id: z.string(), token: z.string() }) }),
});

export const tokensDelete = endpoint({
  path: "/lockbridge/tokens/delete",
  methods: REMOVE,
  role: "admin",
  input: z.object({ token_id: z.string().min(1).max(100) }),
  output: answer({}),
});
