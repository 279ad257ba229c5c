import { z } from "zod";
import { ACT, answer, endpoint, READ } from "./endpoint.js";

/** Plugged in, configured or not. */
export const foundPort = z.object({
  kind: z.enum(["serial", "hid"]),
  port: z.string(),
  node: z.string().nullable(),
  usb: z.string().nullable(),
  label: z.string(),
  /** Key of the device in the configuration that uses it. */
  device: z.string().nullable(),
});

export const identifiedPort = z.object({
  port: z.string(),
  driver: z.string(),
  identity: z.object({ model: z.string(), firmware: z.string(), serial: z.string().optional() }),
  units: z.array(z.object({ key: z.string(), capabilities: z.array(z.string()) })),
  card: z.object({ uid: z.string(), technology: z.string() }).nullable(),
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
      .array(z.string().regex(/^(\/dev\/|hid:)[^\s]{1,300}$/, "must be below /dev, or a USB HID address"))
      .min(1)
      .max(8),
    driver: z.string().max(60).optional(),
    card_wait_ms: z.int().min(0).max(CARD_WAIT_MS_MAX).default(0),
  }),
  output: answer({ found: z.array(identifiedPort), tried: z.array(triedPort) }),
});
