import type { Inclusion, Unit } from "#driver-api";

/**
 * What the members of each capability are, for the two sides that stand between it and its caller. `ask`: changes
 * nothing. `act`: may change a card or a lock, so that its outcome is unknown when the process is gone. `end`: never
 * rejects. `listen`: takes a listener and answers how to take it off. `data`: as it is when the unit is told.
 */
export type Part = "ask" | "act" | "end" | "listen" | "data";

type Capabilities = Required<Omit<Unit, "key">>;
export type CapabilityName = keyof Capabilities;
type NameIn<Union> = Union extends unknown ? keyof Union : never;
type MemberOf<Union, Name> = Union extends unknown ? (Name extends keyof Union ? Union[Name] : never) : never;
type Work = (...args: never[]) => unknown;

/** A member with members of its own is listed with these. */
type PartsOf<Union> = {
  readonly [Name in NameIn<Union>]: NonNullable<MemberOf<Union, Name>> extends Work
    ? Exclude<Part, "data">
    : "data" | PartsOf<NonNullable<MemberOf<Union, Name>>>;
};

export const PARTS = {
  cardWriter: { technologies: "data", present: "ask", read: "ask", write: "act", release: "end" },
  stripeWriter: { read: "ask", change: "act" },
  keyIssuer: { issue: "act", read: "ask", cancel: "act" },
  cardReader: { onCard: "listen" },
  keypadLock: {
    codes: "data",
    slots: "data",
    codeLengths: "data",
    readSlot: "ask",
    writeSlot: "act",
    clearSlot: "act",
    schedule: { setClock: "act", write: "act", readWindow: "ask" },
    checksum: "ask",
    lock: "act",
    unlock: "act",
    readState: "ask",
    onEvent: "listen",
    onInput: "listen",
    grant: "act",
    deny: "ask",
    onTamper: "listen",
  },
  signals: { show: "ask" },
} as const satisfies PartsOf<Capabilities>;

export const INCLUSION_PARTS = { include: "act", exclude: "act" } as const satisfies PartsOf<Inclusion>;

/** The members of a capability, `schedule.write` for one of a member's own, in the order of the table. */
export function partsOf(name: CapabilityName): ReadonlyMap<string, Part> {
  const all = (parts: object, prefix: string): (readonly [string, Part])[] =>
    Object.entries(parts).flatMap(([member, part]: [string, unknown]) =>
      typeof part === "object" && part !== null
        ? all(part, `${prefix}${member}.`)
        : [[`${prefix}${member}`, part as Part] as const],
    );
  return new Map(all(PARTS[name], ""));
}

/** Member `path` of a capability, and whose it is. */
export function memberAt(
  capability: unknown,
  path: string,
): { readonly owner: unknown; readonly value: unknown } {
  let at: { owner: unknown; value: unknown } = { owner: undefined, value: capability };
  for (const name of path.split(".")) {
    const owner = at.value;
    at = {
      owner,
      value:
        typeof owner === "object" && owner !== null
          ? (owner as Readonly<Record<string, unknown>>)[name]
          : undefined,
    };
  }
  return at;
}
