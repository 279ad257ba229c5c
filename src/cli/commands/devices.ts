import type { Command } from "commander";
import { z } from "zod";
import { devicesIdentify, statusGet } from "#src/api/schemas/desk";
import {
  type foundPort,
  type identifiedPort,
  portsFound,
  portsProbe,
  type triedPort,
} from "#src/api/schemas/ports";
import type { CliContext } from "../context.js";
import { understood } from "../daemon-client.js";
import { CliError, EXIT, refused } from "../exit-codes.js";
import { encoderFacts } from "../find.js";
import type { AddCommand } from "../program.js";
import { timeOf } from "../words.js";

type Found = z.infer<typeof foundPort>;
type Identified = z.infer<typeof identifiedPort>;
type Tried = z.infer<typeof triedPort>;

const deviceFacts = z.looseObject({
  key: z.string(),
  driver: z.string(),
  port: z.string().nullable(),
  state: z.string(),
  since: z.string(),
  identity: z.looseObject({ model: z.string(), firmware: z.string() }).nullable(),
  units: z.array(z.looseObject({ key: z.string(), capabilities: z.array(z.string()) })),
  troubles: z
    .array(z.looseObject({ unit: z.string(), code: z.string().nullable(), message: z.string() }))
    .default([]),
  problem: z.looseObject({ code: z.string(), message: z.string(), advice: z.string() }).nullable(),
  next_try_ms: z.number().nullable(),
});
const siteFacts = z.looseObject({ devices: z.array(deviceFacts), encoders: z.array(encoderFacts) });

/** How long a person has to lay a card on the device that is meant. */
const CARD_WAIT_MS = 20_000;

/** The hardware: what is configured, what is plugged in, what it is. */
export function deviceCommands(program: Command, add: AddCommand): void {
  const devices = program.command("devices").description("the hardware");

  add(
    devices
      .command("list", { isDefault: true })
      .description("show devices and encoders, and what is plugged in and not configured"),
    list,
  );

  add(
    devices
      .command("probe")
      .description("ask what is plugged in at these ports; sends bytes to them and to no other")
      .argument("<ports...>", "as devices list shows them")
      .option("--driver <driver>", "ask with this driver only"),
    async ({ client, output }, ports, { driver }: { readonly driver?: string }) => {
      const { found, tried } = await client.call(portsProbe, { ports: [...ports], driver });
      output.list(found, {
        columns: { PORT: ({ port }) => port, IS: nameOf, DRIVER: ({ driver: id }) => id },
        empty: unknownWords(tried),
      });
    },
  );

  add(
    devices
      .command("identify")
      .description("have a device blink or beep, to find it")
      .argument("<device>", "its key, as devices list shows it"),
    async ({ client, output }, [device = ""]) => {
      const { units } = await client.call(devicesIdentify, { device });
      output.note(
        `${device} has blinked or beeped${units.length > 1 ? `, ${units.length} units of it` : ""}.`,
      );
    },
  );

  add(
    devices
      .command("add")
      .description("ask what is plugged in, try it with a card, and write it into the configuration")
      .argument("<key>", "what the device is to be called, e.g. desk")
      .argument("<ports...>", "its port; of several, the one on which a card is laid")
      .option("--driver <driver>", "ask with this driver only")
      .option("--system <system>", "system that it makes cards for (not needed when there is only one)")
      .option("--no-card", "do not try it with a card")
      .option("--config <path>", "configuration file"),
    addDevice,
  );
}

async function list({ client, output }: CliContext): Promise<void> {
  const { status } = await client.call(statusGet, {});
  const { devices, encoders } = understood(siteFacts, status, "status");
  output.list(devices, {
    columns: {
      DEVICE: ({ key }) => key,
      DRIVER: ({ driver }) => driver,
      STATE: ({ state }) => state.replaceAll("_", " "),
      IS: ({ identity }) => (identity === null ? "" : `${identity.model} ${identity.firmware}`),
      UNITS: ({ units }) =>
        units.map(({ key, capabilities }) => `${key}: ${capabilities.join(", ")}`).join("\n"),
      PORT: ({ port }) => port ?? "",
      PROBLEM: ({ problem, since, troubles }) =>
        problem === null
          ? troubles.map(({ unit, message }) => `${unit}: ${message}`).join("\n")
          : `${problem.message}\n${problem.advice}\nsince ${timeOf(since)} [${problem.code}]`,
      "NEXT TRY": ({ next_try_ms }) => (next_try_ms === null ? "" : `in ${Math.ceil(next_try_ms / 1_000)} s`),
    },
    empty: "No device is configured.",
  });
  output.list(encoders, {
    columns: {
      ENCODER: ({ key }) => key,
      NAME: ({ name }) => name,
      READY: ({ is_online }) => (is_online ? "yes" : "no"),
      ID: ({ acs_encoder_id }) => acs_encoder_id,
    },
    empty: "No encoder is configured.",
  });
  const { ports } = await client.call(portsFound, {});
  const unknown = ports.filter(({ device }) => device === null);
  if (unknown.length === 0) return;
  output.list(unknown, {
    columns: {
      "PLUGGED IN, NOT CONFIGURED": ({ port }) => port,
      "CALLS ITSELF": ({ label, usb }: Found) => [label, usb === null ? "" : `(USB ${usb})`].join(" ").trim(),
    },
    empty: "",
  });
  output.note("What it is: lockbridge devices probe PORT. To use it: lockbridge devices add NAME PORT.");
}

interface AddOptions {
  readonly driver?: string;
  readonly system?: string;
  readonly card: boolean;
  readonly config?: string;
}

async function addDevice(
  { client, output, edge }: CliContext,
  [key = "", ...ports]: readonly string[],
  { driver, system, card, config }: AddOptions,
): Promise<void> {
  if (ports.length > 1 && !card)
    throw refused("Only a card tells several ports apart: name one port, or leave out --no-card.");
  if (card) output.note(`Lay a card on the device that is to be "${key}", within ${CARD_WAIT_MS / 1_000} s.`);
  const { found, tried } = await client.call(portsProbe, {
    ports,
    driver,
    card_wait_ms: card ? CARD_WAIT_MS : 0,
  });
  const device = chosen(found, tried, ports.length > 1);
  const encoder = device.units.find(({ capabilities }) =>
    capabilities.some((name) => name === "cardWriter" || name === "keyIssuer"),
  );
  const { path, encoderOf } = await edge.addDevice(config ?? edge.configPath, {
    key,
    driver: device.driver,
    port: device.port,
    encoder: encoder === undefined ? null : { unit: unitOf(key, device, encoder.key), system },
  });
  output.say(
    { device: key, ...device, config: path, encoder_of: encoderOf },
    [
      `${nameOf(device)} at ${device.port} is now "${key}" in ${path}.`,
      device.card === null
        ? "It was not tried with a card."
        : `It read a card: ${device.card.technology}, UID ${device.card.uid}.`,
      ...(encoderOf === null ? [] : [`It makes cards for the system "${encoderOf}".`]),
      "Restart the service to apply it.",
    ].join("\n"),
  );
}

/** The one where the card was laid; a single one also without. */
function chosen(found: readonly Identified[], tried: readonly Tried[], isCardNeeded: boolean): Identified {
  const withCard = found.filter(({ card }) => card !== null);
  const [device, ...others] = withCard.length > 0 ? withCard : found;
  if (device === undefined) throw new CliError(EXIT.failed, "device_unknown", unknownWords(tried));
  if (isCardNeeded && (device.card === null || others.length > 0))
    throw new CliError(EXIT.failed, "ambiguous_name", "No card was seen on any of them: nothing is changed.");
  return device;
}

function unitOf(key: string, { units }: Identified, unit: string): string {
  return units.length === 1 ? key : `${key}/${unit}`;
}

function nameOf({ identity: { model, firmware, serial } }: Identified): string {
  return [model, firmware, serial === undefined ? "" : `serial number ${serial}`].join(" ").trim();
}

function unknownWords(tried: readonly Tried[]): string {
  const lines = tried.map(
    ({ port, driver, message, code }) => `  ${port}, asked as ${driver}: ${message} [${code}]`,
  );
  return `Nothing there is known to a driver:\n${lines.join("\n")}`;
}
