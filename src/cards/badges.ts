import { type Badge, badgeName, badgeNumber } from "#src/domain/badge";
import { toHex } from "#src/lib/hex";
import type { ReportedCard } from "./card-names.js";
import {
  decodeWiegand,
  encodeWiegand,
  fromLeftJustified,
  leftJustified,
  type WiegandFormat,
  type WiegandNumber,
} from "./wiegand.js";

/** What the bits of a badge are under the formats that its system knows. Never a guess. */
export type BadgeReading =
  | { readonly is: "badge"; readonly badge: Badge }
  /** Several formats fit, and would make different numbers of it. */
  | { readonly is: "ambiguous"; readonly badges: readonly Badge[]; readonly message: string }
  | { readonly is: "unknown"; readonly message: string };

/** More is no badge of this kind. */
const BITS_MAX = 64;

export function readBadge(card: ReportedCard, formats: readonly WiegandFormat[]): BadgeReading {
  const { bitCount } = card;
  const bits = fromLeftJustified(card.bits, bitCount);
  const sized = formats.filter(({ length }) => length === bitCount && bitCount <= BITS_MAX);
  if (sized.length === 0) {
    const message = `the badge has ${bitCount} bits, and no format of so many is configured`;
    return { is: "unknown", message };
  }
  const badges = sized.flatMap((format): Badge[] => {
    const decoded = decodeWiegand(format, bits);
    return decoded.isValid ? [badgeOf(format, decoded, leftJustified(bits))] : [];
  });
  const [badge, other] = badges;
  if (badge === undefined) {
    const names = sized.map(({ name }) => name).join(" nor ");
    const message = `the badge's ${bitCount} bits are no valid ${names}: a parity bit is wrong`;
    return { is: "unknown", message };
  }
  if (other === undefined) return { is: "badge", badge };
  const readings = badges.map((each) => `${each.format} (${badgeNumber(each)})`).join(" and ");
  const message = `the badge's ${bitCount} bits fit ${readings}, and nothing on it says which`;
  return { is: "ambiguous", badges, message };
}

/** What tells the badge that a reader reported from every other; see `badgeName`. */
export function badgeNameOf({ bits, bitCount }: ReportedCard): string {
  return badgeName({ bitCount, bits: toHex(leftJustified(fromLeftJustified(bits, bitCount))) });
}

export type BadgeMade =
  | { readonly ok: true; readonly badge: Badge }
  /** `format`: several formats or none can say the number. */
  | { readonly ok: false; readonly what: "format" | "facility" | "number"; readonly message: string };

/** The badge with this number, as it would read: for badges whose numbers are known before anybody holds them. */
export function makeBadge(
  value: WiegandNumber,
  formats: readonly WiegandFormat[],
  wanted: string | undefined,
): BadgeMade {
  const named = wanted === undefined ? formats : formats.filter(({ name }) => name === wanted);
  const tried = named.map((format) => ({ format, made: encodeWiegand(format, value) }));
  const fitting = tried.flatMap(({ format, made }) =>
    made.isValid ? [badgeOf(format, value, leftJustified(made.bits))] : [],
  );
  const [badge, other] = fitting;
  if (badge !== undefined && other === undefined) return { ok: true, badge };
  if (badge !== undefined) {
    const names = fitting.map(({ format }) => format).join(", ");
    return { ok: false, what: "format", message: `several formats have such numbers (${names}): name one` };
  }
  const [only, another] = tried;
  if (only !== undefined && another === undefined && !only.made.isValid)
    return { ok: false, what: only.made.reason, message: only.made.message };
  const names = formats.map(({ name }) => name).join(", ");
  return { ok: false, what: "format", message: `none of this system's formats has such numbers (${names})` };
}

function badgeOf({ name, length }: WiegandFormat, value: WiegandNumber, bits: Uint8Array): Badge {
  return {
    format: name,
    facility: value.facility,
    number: value.number,
    bitCount: length,
    bits: toHex(bits),
  };
}
