import type { CardSeen, CardTechnology } from "#driver-api";
import { z } from "zod";
import { RECORD_BYTES } from "./record.js";

/** A page has 4 bytes. */
export const NTAG_PAGE_BYTES = 4;
export const NTAG_RECORD_PAGES = RECORD_BYTES / NTAG_PAGE_BYTES;
const NTAG_FIRST_USER_PAGE = 4;
/** NTAG213, the smallest: a profile must fit every NTAG it may meet. */
const NTAG213_LAST_USER_PAGE = 0x27;

const format = z.literal("lockbridge48").describe("Layout of the record: the open 48-byte one.");

/** One entry of `card_profiles` in the configuration: where on which kind of card the record lies. */
export const cardProfileSchema = z.discriminatedUnion("container", [
  z.strictObject({
    format,
    container: z.literal("classic"),
    sector: z
      .int()
      .min(1)
      .max(15)
      .describe("Sector of a MIFARE Classic card that holds the record; it becomes the site's own."),
  }),
  z.strictObject({
    format,
    container: z.literal("ntag"),
    page: z
      .int()
      .min(NTAG_FIRST_USER_PAGE)
      .max(NTAG213_LAST_USER_PAGE - NTAG_RECORD_PAGES + 1)
      .describe(
        "First of the twelve pages of an NTAG21x that hold the record; from it on the tag is protected.",
      ),
  }),
  z.strictObject({
    format,
    container: z.literal("desfire"),
    application: z
      .string('an application id is six hex digits in quotes, such as "F52000"')
      .regex(/^[0-9a-fA-F]{6}$/, 'an application id is six hex digits in quotes, such as "F52000"')
      .refine((id) => id !== "000000", "000000 is the card itself, not an application")
      .describe(
        "Id of the application on a MIFARE DESFire card (EV1 or later) that holds the record, six hex digits in quotes, high byte first. The whole card becomes the site's own.",
      ),
  }),
  z.strictObject({
    format: z.literal("lockbridge96").describe("Layout of the record: the open one of 96 digits."),
    container: z
      .literal("magstripe")
      .describe("Track 3 of a magnetic stripe, which anybody can copy onto another card."),
  }),
]);

/** A profile with the key that the configuration gives it. */
export type CardProfile = z.infer<typeof cardProfileSchema> & { readonly key: string };
/** Of a card that lies on the encoder. */
export type LaidProfile = Exclude<CardProfile, { container: "magstripe" }>;
export type ClassicProfile = Extract<CardProfile, { container: "classic" }>;
export type NtagProfile = Extract<CardProfile, { container: "ntag" }>;
export type DesfireProfile = Extract<CardProfile, { container: "desfire" }>;

const TECHNOLOGIES: Readonly<Record<LaidProfile["container"], readonly CardTechnology[]>> = {
  classic: ["mifare_classic_1k", "mifare_classic_4k"],
  ntag: ["ntag213", "ntag215", "ntag216"],
  desfire: ["mifare_desfire"],
};

/** The first of a system's profiles that the encoder can write and the card is made for; undefined when none is. */
export function profileFor(
  profiles: readonly CardProfile[],
  card: CardSeen,
  writable: readonly CardTechnology[],
): LaidProfile | undefined {
  if (!writable.includes(card.technology)) return undefined;
  return profiles
    .filter((profile) => profile.container !== "magstripe")
    .find(({ container }) => TECHNOLOGIES[container].includes(card.technology));
}
