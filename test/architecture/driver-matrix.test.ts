import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { z } from "zod";
import { drivers } from "#drivers/index";
import type { Driver } from "#driver-api";
import { EVIDENCE_LEVELS, evidenceSchema } from "#src/driver-api/evidence";
import type { Capability, DriverRig } from "#test/conformance/rig";

const root = join(import.meta.dirname, "../..");
const PAGE = join(root, "docs/drivers.md");

const DOES: Readonly<Record<Capability, string>> = {
  cardWriter: "writes cards",
  stripeWriter: "writes stripes",
  keyIssuer: "has a vendor's system make keys",
  cardReader: "reads badges",
  signals: "lamps or buzzer",
  "keypadLock:on_device": "locks that hold their codes",
  "keypadLock:schedule": "keeps their windows",
  "keypadLock:checksum": "tells a checksum of them",
  "keypadLock:readState": "says how it stands",
  "keypadLock:on_gateway": "keypads that ask the gateway",
};
const LINES: Readonly<Record<string, string>> = {
  serial: "serial",
  hid: "USB HID",
  pcsc: "PC/SC",
  none: "none",
};

interface Entry {
  readonly id: string;
  readonly driver: Driver;
  readonly rig: DriverRig;
  readonly evidence: z.infer<typeof evidenceSchema>;
}

/** The driver for the device that does not exist is for its readers, not for a site. */
async function entries(): Promise<readonly Entry[]> {
  const real = Object.entries(drivers).filter(([id]) => id !== "reference");
  return Promise.all(
    real.map(async ([id, load]) => {
      const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };
      const text = readFileSync(join(root, "drivers", id, "evidence.json"), "utf8");
      return { id, driver: (await load()).default, rig, evidence: evidenceSchema.parse(JSON.parse(text)) };
    }),
  );
}

function page(all: readonly Entry[]): string {
  return `# Drivers

Made from each driver's \`evidence.json\` and from what the conformance suite holds it to, by
\`UPDATE_DOCS=1 npx vitest run test/architecture/driver-matrix.test.ts\`. Wiring and behaviour are in each driver's README.

${table(
  ["driver", "devices", "line", "does", "cards", "tried on the device"],
  all.map(({ id, driver, rig, evidence }) => [
    `[\`${id}\`](../drivers/${id}/README.md)`,
    evidence.device,
    LINES[driver.transport] ?? driver.transport,
    rig.capabilities.map((capability) => DOES[capability]).join(", "),
    rig.cards.map((card) => `\`${card}\``).join(", "),
    isTried(evidence) ? "yes" : "**no**",
  ]),
)}
"Tried on the device" means that at least one claim was seen to hold on real hardware. Where it says no, the driver speaks
the protocol as others have published it and as its simulator understands it, and nobody has held it against a device.

The suite is put to every driver at its simulated device: on a line in memory, and for those on a serial line or USB HID
once more through the real \`serialport\` or node-hid. PC/SC has the suite in memory, and \`service.test.ts\` through the
real service.

## How well each thing is known

*hardware*: seen on the device. *captured*: taken from real traffic, or from somebody else's program at the other end.
*documented*: read in a published text. *assumed*: none of these.

${table(
  ["driver", ...EVIDENCE_LEVELS],
  all.map(({ id, evidence }) => [
    `\`${id}\``,
    ...EVIDENCE_LEVELS.map((level) =>
      String(evidence.claims.filter((claim) => claim.level === level).length),
    ),
  ]),
)}
${all.map(assumptions).join("\n")}`;
}

function isTried({ claims }: Entry["evidence"]): boolean {
  return claims.some(({ level }) => level === "hardware");
}

function assumptions({ id, evidence }: Entry): string {
  const assumed = evidence.claims.filter(({ level }) => level === "assumed");
  const lines = assumed.map(({ claim, source }) => `- ${claim} (${source})\n`);
  return `### What \`${id}\` assumes\n\n${lines.length === 0 ? "Nothing.\n" : lines.join("")}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("");
}

/** Renew it with UPDATE_DOCS=1. */
test("the page of drivers says what the evidence says, and no more", async () => {
  const wanted = page(await entries());
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(PAGE, wanted);
  expect(readFileSync(PAGE, "utf8")).toBe(wanted);
});
