import type { Command } from "commander";
import type { z } from "zod";
import { statusGet } from "#src/api/schemas/desk";
import { type identifiedPort, portsFound, portsProbe, type triedPort } from "#src/api/schemas/ports";
import type { CliContext, Ports } from "../context.js";
import { understood } from "../daemon-client.js";
import { CliError, EXIT, refused } from "../exit-codes.js";
import type { AddCommand } from "../program.js";
import { configuredDevices } from "./device-facts.js";

export type Identified = z.infer<typeof identifiedPort>;
export type Tried = z.infer<typeof triedPort>;
type Tapped = Identified & { readonly card: NonNullable<Identified["card"]> };

/** How long a person has to lay a card on the device that is meant. */
const CARD_WAIT_MS = 20_000;
/** Several drivers may wait for the answer of something that says nothing. */
export const ASK_MS_MAX = 120_000;
const RESTART = "Restart the service to apply it: sudo systemctl restart lockbridge.";

/** Writing into the configuration what was plugged in, tried with a card first. */
export function addDeviceCommands(devices: Command, add: AddCommand): void {
  add(
    devices
      .command("add")
      .description("ask what is plugged in, try it with a card, and write it into the configuration")
      .argument("<key>", "what the device is to be called, e.g. desk")
      .argument("<ports...>", "its port; of several, the one where a card is seen")
      .option("--driver <driver>", "ask with this driver only")
      .option("--system <system>", "system that it makes cards for (not needed when there is only one)")
      .option("--no-card", "do not try it with a card")
      .option("--config <path>", "configuration file"),
    addDevice,
  );
  add(
    devices
      .command("move")
      .description("give a device of the configuration another port, and try it with a card")
      .argument("<device>", "its key, as devices list shows it")
      .argument("<ports...>", "its port from now on; of several, the one where a card is seen")
      .option("--no-card", "do not try it with a card")
      .option("--config <path>", "configuration file"),
    moveDevice,
  );
}

interface Options {
  readonly card: boolean;
  readonly config?: string;
}

async function addDevice(
  context: CliContext,
  [key = "", ...ports]: readonly string[],
  { driver, system, card, config }: Options & { readonly driver?: string; readonly system?: string },
): Promise<void> {
  const { output, edge } = context;
  const path = config ?? edge.configPath;
  await edge.assertCanChange(path, { key, isNew: true });
  const device = await chosen(context, { key, ports, driver, card });
  const unit = device.units.find(({ capabilities }) => capabilities.some((name) => MAKES_OR_READS.has(name)));
  const renamed = await sharedNames(context);
  const { encoderOf } = await edge.addDevice(path, {
    key,
    driver: device.driver,
    port: device.port,
    encoder: unit === undefined ? null : { unit: unitOf(key, device, unit.key), system },
    ports: renamed,
  });
  output.say(
    { device: key, ...device, config: path, encoder_of: encoderOf, renamed },
    [
      `${nameOf(device)} at ${device.port} is now "${key}" in ${path}.`,
      cardWords(device),
      ...(encoderOf === null ? [] : [`It is an encoder of the system "${encoderOf}".`]),
      ...lastingWords(device),
      ...renamedWords(renamed),
      RESTART,
    ].join("\n"),
  );
}

async function moveDevice(
  context: CliContext,
  [key = "", ...ports]: readonly string[],
  { card, config }: Options,
): Promise<void> {
  const { client, output, edge } = context;
  const path = config ?? edge.configPath;
  await edge.assertCanChange(path, { key, isNew: false });
  const { status } = await client.call(statusGet, {});
  const configured = understood(configuredDevices, status, "status").devices.find((it) => it.key === key);
  if (configured === undefined)
    throw refused(`The running service knows no device "${key}" yet. ${RESTART}`, "device_not_found");
  const device = await chosen(context, { key, ports, driver: configured.driver, card });
  const renamed = await sharedNames(context);
  await edge.moveDevices(path, { ...renamed, [key]: device.port });
  output.say(
    { device: key, ...device, config: path, renamed },
    [
      `"${key}" is now at ${device.port} in ${path}: ${nameOf(device)}.`,
      cardWords(device),
      ...lastingWords(device),
      ...renamedWords(renamed),
      RESTART,
    ].join("\n"),
  );
}

/** Units that people bring cards to. */
const MAKES_OR_READS = new Set(["cardWriter", "stripeWriter", "keyIssuer", "cardReader"]);
/** Of those, units that a card can be tried at, and what a person does then. */
const HOW_TO_TRY: Readonly<Record<string, string>> = {
  cardWriter: "Lay a card on",
  stripeWriter: "Pull a card through",
  cardReader: "Hold a badge to",
};

/** First what is there, then which of it is meant: whoever lays a card down knows by then that it will be seen. */
async function chosen(
  context: CliContext,
  {
    key,
    ports,
    driver,
    card,
  }: {
    readonly key: string;
    readonly ports: readonly string[];
    readonly driver: string | undefined;
    readonly card: boolean;
  },
): Promise<Identified> {
  if (ports.length > 1 && !card)
    throw refused("Only a card tells several ports apart: name one port, or leave out --no-card.");
  const { client, output } = context;
  const { found, tried } = await client.call(portsProbe, { ports: [...ports], driver }, ASK_MS_MAX);
  const [first, ...others] = found;
  if (first === undefined) throw new CliError(EXIT.failed, "device_unknown", unknownWords(tried));
  const how = howToTry(found);
  if (!card || how === null) {
    if (others.length === 0) return first;
    throw new CliError(EXIT.failed, "ambiguous_name", "No card can tell these apart: name one port.");
  }
  output.note(`${how} the device that is to be "${key}", within ${CARD_WAIT_MS / 1_000} s.`);
  const ids = new Set(found.map((it) => it.driver));
  const again = await client.call(
    portsProbe,
    {
      ports: found.map(({ port }) => port),
      driver: ids.size === 1 ? first.driver : undefined,
      card_wait_ms: CARD_WAIT_MS,
    },
    ASK_MS_MAX,
  );
  const [tapped, ...more] = again.found.filter((it): it is Tapped => it.card !== null);
  if (tapped !== undefined && more.length === 0) return tapped;
  if (others.length === 0) return first;
  const why = tapped === undefined ? "No card was seen on any of them" : "Cards were seen on several of them";
  throw new CliError(EXIT.failed, "ambiguous_name", `${why}: nothing is changed.`);
}

/** Null when nothing there can be tried with a card. */
function howToTry(found: readonly Identified[]): string | null {
  const names = found.flatMap(({ units }) => units.flatMap(({ capabilities }) => capabilities));
  const ways = new Set(names.flatMap((name) => HOW_TO_TRY[name] ?? []));
  const [only, ...others] = ways;
  if (only === undefined) return null;
  return others.length === 0 ? only : "Bring a card to";
}

/** Names that two devices share since the second was plugged in: what each is now must be said in the file. */
async function sharedNames({ client }: CliContext): Promise<Ports> {
  const { ports } = await client.call(portsFound, {});
  return Object.fromEntries(
    ports.flatMap(({ device, ambiguous_name, port }) =>
      device === null || ambiguous_name === null ? [] : [[device, port]],
    ),
  );
}

function unitOf(key: string, { units }: Identified, unit: string): string {
  return units.length === 1 ? key : `${key}/${unit}`;
}

export function nameOf({ identity: { model, firmware, serial } }: Identified): string {
  return [model, firmware, serial === undefined ? "" : `serial number ${serial}`].join(" ").trim();
}

function cardWords({ card }: Identified): string {
  if (card === null) return "It was not tried with a card.";
  if (card.technology === "magstripe") return "A card was pulled through it.";
  if (card.technology === "badge") return "It read a badge.";
  if (card.uid === null) return "A card was seen, and not read: another one may have lain beside it.";
  return `It read a card: ${card.technology}, UID ${card.uid}.`;
}

function lastingWords({ port, is_lasting: isLasting }: Identified): readonly string[] {
  if (isLasting) return [];
  const what = `This machine has no lasting name for it: after the next start ${port} may be another device.`;
  return [`${what} ${port.startsWith("/dev/") ? "See that udev runs." : "Keep one reader of this kind."}`];
}

function renamedWords(renamed: Ports): readonly string[] {
  return Object.entries(renamed).map(
    ([key, port]) => `"${key}" looks the same, so the file names it by its USB socket too: ${port}.`,
  );
}

export function unknownWords(tried: readonly Tried[]): string {
  const ports = [...new Set(tried.map(({ port }) => port))];
  const lines = ports.flatMap((port) => portWords(tried.filter((it) => it.port === port)));
  return `Nothing there is known to a driver:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

/** Silence is one fact, whoever asked. */
function portWords(tried: readonly Tried[]): readonly string[] {
  const [first, ...others] = tried;
  if (first !== undefined && others.length > 0 && tried.every(({ code }) => code === "device.silent")) {
    const asked = tried.map(({ driver }) => driver).join(", ");
    return [
      `${first.port}: nothing answers, asked as ${asked}. See that the device has power, also of its own. [device.silent]`,
    ];
  }
  return tried.map(({ port, driver, message, code }) => `${port}, asked as ${driver}: ${message} [${code}]`);
}
