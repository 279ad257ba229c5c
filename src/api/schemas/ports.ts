import { z } from "zod";
import { ACT, answer, endpoint, READ } from "./endpoint.js";

/** Plugged in, configured or not. */
export const foundPort = z.object({
  kind: z.enum(["serial", "hid", "pcsc"]),
  port: z.string(),
  /** False: after the next start the name may be another device's. */
  is_lasting: z.boolean(),
  node: z.string().nullable(),
  usb: z.string().nullable(),
  label: z.string(),
  /** Key of the device in the configuration that uses it. */
  device: z.string().nullable(),
  /** That device's port in the configuration, where it means several devices by now: `port` should stand there instead. */
  ambiguous_name: z.string().nullable(),
});

export const identifiedPort = z.object({
  /** The name that a configuration should use, whatever it was asked for by. */
  port: z.string(),
  is_lasting: z.boolean(),
  driver: z.string(),
  identity: z.object({ model: z.string(), firmware: z.string(), serial: z.string().optional() }),
  units: z.array(z.object({ key: z.string(), capabilities: z.array(z.string()) })),
  /** `uid` is null for a magnetic stripe (technology `magstripe`) and a badge (`badge`). */
  card: z.object({ uid: z.string().nullable(), technology: z.string() }).nullable(),
});

export const triedPort = z.object({
  port: z.string(),
  driver: z.string(),
  code: z.string(),
  message: z.string(),
});

export const portsFound = endpoint({
  path: "/lockbridge/ports",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: answer({ ports: z.array(foundPort) }),
});

/** A card is waited for less long than a client waits for an answer. */
const CARD_WAIT_MS_MAX = 20_000;

export const portsProbe = endpoint({
  path: "/lockbridge/ports/probe",
  methods: ACT,
  role: "technician",
  input: z.object({
    ports: z
      .array(
        z
          .string()
          .regex(
            /^((\/dev\/|hid:)[^\s]{1,300}|pcsc:[\x20-\x7e]{1,200})$/,
            "must be below /dev, a USB HID address or a PC/SC reader",
          ),
      )
      .min(1)
      .max(8),
    driver: z.string().max(60).optional(),
    card_wait_ms: z.int().min(0).max(CARD_WAIT_MS_MAX).default(0),
  }),
  output: answer({ found: z.array(identifiedPort), tried: z.array(triedPort) }),
});
