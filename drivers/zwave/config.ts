import { z } from "zod";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

/** The names that zwave-js and programs around it use, so that their key file can be taken over as it is. */
const NAMES = ["S2_AccessControl", "S2_Authenticated", "S2_Unauthenticated", "S0_Legacy"] as const;

/** The four keys of one network, 16 bytes each. Who loses them includes every lock anew. */
export type NetworkKeys = Readonly<Record<(typeof NAMES)[number], Secret<Uint8Array>>>;

const FORM =
  'keys must be JSON with S2_AccessControl, S2_Authenticated, S2_Unauthenticated and S0_Legacy, 32 hex digits each, best by reference: "${file:/etc/lockbridge/zwave-keys.json}"';

const hexKey = z.string().regex(/^[0-9a-fA-F]{32}$/);
const fileSchema = z.object(Object.fromEntries(NAMES.map((name) => [name, hexKey])));

const keys = z
  .union([z.instanceof(Secret), z.string()], FORM)
  .transform((value) => (value instanceof Secret ? value.map(String) : new Secret(value)))
  .transform((text, context): NetworkKeys => {
    const file = fileSchema.safeParse(parsed(text.reveal())).data;
    if (file === undefined) {
      context.addIssue({ code: "custom", message: FORM });
      return z.NEVER;
    }
    if (Object.values(file).some((key) => /^0+$/.test(key))) {
      context.addIssue({
        code: "custom",
        message: "a key of zeros is the one that everybody knows: make new keys",
      });
      return z.NEVER;
    }
    if (new Set(Object.values(file).map((key) => key.toLowerCase())).size < NAMES.length) {
      context.addIssue({ code: "custom", message: "all four keys must be different" });
      return z.NEVER;
    }
    return Object.fromEntries(
      NAMES.map((name) => [name, new Secret(fromHex(file[name] ?? ""))]),
    ) as NetworkKeys; // every name is there
  });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What stands under a stick in the configuration. */
export const configSchema = z.strictObject({ keys });
