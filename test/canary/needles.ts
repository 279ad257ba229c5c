/** One secret that must turn up nowhere. */
export interface Canary {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Hit {
  readonly canary: string;
  readonly form: string;
  readonly where: string;
  /** The line before the secret, or as much of it as helps to find the place. */
  readonly after: string;
}

export const textCanary = (name: string, text: string): Canary => ({ name, bytes: Buffer.from(text) });

/**
 * Every way in which a careless line writes bytes down: as they are, as hex, as a list or an object of numbers, in
 * base64 wherever the bytes lie in what was encoded, and as JSON escapes them. Space between is no hiding place.
 */
export function formsOf(bytes: Uint8Array): ReadonlyMap<string, Buffer> {
  const raw = Buffer.from(bytes);
  const hex = raw.toString("hex");
  const numbers = [...raw];
  const forms: [string, string | Buffer][] = [
    ["raw", raw],
    ["hex", hex],
    ["HEX", hex.toUpperCase()],
    ["list", numbers.join(",")],
    ["object", numbers.map((byte, at) => `"${at}":${byte}`).join(",")],
    ["JSON escape", numbers.map((byte) => `\\u00${byte.toString(16).padStart(2, "0")}`).join("")],
    ["UTF-16", Buffer.from(raw.toString("latin1"), "utf16le")],
    ...[0, 1, 2].flatMap((offset): [string, string][] => {
      const text = base64Inside(raw, offset);
      return [
        [`base64+${offset}`, text],
        [`base64url+${offset}`, text.replaceAll("+", "-").replaceAll("/", "_")],
      ];
    }),
  ];
  return new Map(forms.map(([name, form]) => [name, Buffer.from(form)]));
}

/** The characters of base64 that these bytes alone decide, when `offset` others stand before them. */
function base64Inside(raw: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), raw])
    .toString("base64")
    .replaceAll("=", "");
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + raw.length) * 8) / 6);
  return text.slice(first, last);
}

/** What was seen of the gateway, and the search for canaries in it. */
export class Evidence {
  /** Each as it is, and once more without its white space: `<Buffer 0a 0b>`, and what `inspect` puts in columns. */
  readonly #pieces: { readonly where: string; readonly bytes: Buffer; readonly dense: Buffer }[] = [];

  add(where: string, content: string | Uint8Array): void {
    const bytes = Buffer.from(content);
    const dense = Buffer.from(bytes.toString("latin1").replaceAll(/\s+/g, ""), "latin1");
    this.#pieces.push({ where, bytes, dense });
  }

  /** Bytes seen, by the first word of where. */
  sizes(): Record<string, number> {
    const sizes: Record<string, number> = {};
    for (const { where, bytes } of this.#pieces) {
      const [kind = ""] = where.split(" ");
      sizes[kind] = (sizes[kind] ?? 0) + bytes.length;
    }
    return sizes;
  }

  search(canaries: readonly Canary[]): readonly Hit[] {
    return canaries.flatMap(({ name, bytes }) =>
      [...formsOf(bytes)].flatMap(([form, needle]) =>
        this.#pieces.flatMap((piece): Hit[] => {
          const text = [piece.bytes, piece.dense].find((bytes) => bytes.includes(needle));
          if (text === undefined) return [];
          const at = text.indexOf(needle);
          const after = text.subarray(Math.max(0, at - SHOWN_BYTES), at).toString("latin1");
          return [{ canary: name, form, where: piece.where, after: after.split("\n").at(-1) ?? "" }];
        }),
      ),
    );
  }
}

const SHOWN_BYTES = 300;
