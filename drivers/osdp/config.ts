import { z } from "zod";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";

const BAUD_RATES = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400] as const;

/** 32 hex digits, by reference or inline; not the key that everybody knows. */
const key = z
  .union([z.instanceof(Secret), z.string()])
  .transform((value): Secret<string> => (value instanceof Secret ? value.map(String) : new Secret(value)))
  .refine((text) => /^[0-9a-fA-F]{32}$/.test(text.reveal()), "a key has 32 hex digits, no spaces")
  .transform((text) => text.map(fromHex));

const unit = z
  .strictObject({
    /** 0 to 126, set at the reader by switches or by a configuration card. */
    address: z.int().min(0).max(126),
    /** The reader's own key (SCBK). Left out: the gateway's site keys make one. */
    key: key.optional(),
    /** false: it is spoken to in clear. Then everybody at the wire can read codes and open the door. */
    secure: z.boolean().default(true),
    /** The reader may be given its key over the key that everybody knows. Take it away once it has one. */
    install: z.boolean().default(false),
    /** The output that opens the door. */
    output: z.int().min(0).max(255).default(0),
    /** All codes here have so many digits: the last one ends the entry, and `#` need not be pressed. */
    code_digits: z.int().min(1).max(16).optional(),
    /** A pause after which an entry counts as ended. */
    entry_pause_s: z.number().min(1).max(60).default(5),
  })
  .refine(({ secure, install }) => secure || !install, {
    path: ["install"],
    message: "a key is installed only where secure is not false",
  });

/** What stands under a line of readers in the configuration. */
export const configSchema = z.strictObject({
  /** Readers that still speak at 9600 are told to change to it. */
  baud_rate: z.literal(BAUD_RATES).default(9_600),
  /** Every reader is asked so often, if the line is fast enough. */
  poll_ms: z.int().min(20).max(1_000).default(50),
  units: z
    .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/), unit)
    .refine((units) => Object.keys(units).length > 0, "at least one reader is needed")
    .superRefine((units, context) => {
      const keyByAddress = new Map<number, string>();
      for (const [name, { address }] of Object.entries(units)) {
        const other = keyByAddress.get(address);
        if (other === undefined) keyByAddress.set(address, name);
        else {
          context.addIssue({
            code: "custom",
            path: [name, "address"],
            message: `${other} has the same address: two readers at one address disturb each other`,
          });
        }
      }
    }),
});

export type LineConfig = z.infer<typeof configSchema>;
export type UnitConfig = LineConfig["units"][string];
