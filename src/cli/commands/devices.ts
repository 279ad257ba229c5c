import type { Command } from "commander";
import type { z } from "zod";
import { devicesIdentify, statusGet } from "#src/api/schemas/desk";
import { type foundPort, portsFound, portsProbe } from "#src/api/schemas/ports";
import type { CliContext } from "../context.js";
import { understood } from "../daemon-client.js";
import { CliError, EXIT } from "../exit-codes.js";
import type { AddCommand } from "../program.js";
import { timeOf } from "../words.js";
import { addDeviceCommands, ASK_MS_MAX, nameOf, unknownWords } from "./add-device.js";
import { configuredDevices } from "./device-facts.js";

type Found = z.infer<typeof foundPort>;

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
      output.note("Asking. What does not answer takes a while.");
      const { found, tried } = await client.call(portsProbe, { ports: [...ports], driver }, ASK_MS_MAX);
      if (found.length === 0) throw new CliError(EXIT.failed, "device_unknown", unknownWords(tried));
      output.list(found, {
        columns: { PORT: ({ port }) => port, IS: nameOf, DRIVER: ({ driver: id }) => id },
        empty: "",
      });
    },
  );

  add(
    devices
      .command("identify")
      .description("have a device or encoder blink or beep, to find it")
      .argument("<device>", "its key, or an encoder's key or name, as devices list shows them"),
    async ({ client, output }, [device = ""]) => {
      const { units } = await client.call(devicesIdentify, { device });
      output.note(
        `${device} has blinked or beeped${units.length > 1 ? `, ${units.length} units of it` : ""}.`,
      );
    },
  );

  addDeviceCommands(devices, add);
}

async function list({ client, output }: CliContext): Promise<void> {
  const { status } = await client.call(statusGet, {});
  const { devices, encoders } = understood(configuredDevices, status, "status");
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
  for (const { device, ambiguous_name, port } of ports) {
    if (device === null || ambiguous_name === null) continue;
    output.note(
      `"${device}" is ${ambiguous_name} in the configuration, and so is another device now. Before the next start write ${port} there, or let lockbridge devices add do it.`,
    );
  }
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
