import type {
  Call,
  Device,
  DriverContext,
  HidLine,
  HidSettings,
  PcscLine,
  SerialLine,
  SerialSettings,
} from "#driver-api";

/** What kind of line a device wants. */
export type WantedLine =
  | { readonly kind: "serial"; readonly settings: SerialSettings }
  | { readonly kind: "hid"; readonly settings: HidSettings }
  | { readonly kind: "pcsc" }
  /** The line of a driver that runs in a process of its own. */
  | { readonly kind: "hosted"; readonly driver: string };

export type Line = SerialLine | HidLine | PcscLine | HostingLine;

/** A driver's process, which has opened its line itself. */
export interface HostingLine {
  /** As `Driver.open`, with settings that were parsed. */
  openDevice(settings: unknown, context: HostedContext, call: Call): Promise<Device>;
  /** Called once when line or process are gone; at once if they already are. The returned function removes it. */
  onClose(listener: (reason: string) => void): () => void;
  readonly isOpen: boolean;
  /** Idempotent; never rejects. Nothing is left of the process then. */
  close(): Promise<void>;
}

export type HostedContext = Omit<DriverContext<"none">, "line" | "clock">;

/** Finds and opens lines; `transports/` implements it. A port is a path, or the address of a HID device or PC/SC reader. */
export interface LineOpeners {
  /**
   * Settles within seconds; rejects with a `LineProblem`. A driver's process may take half a minute, and is given up at
   * `stop`.
   */
  open(port: string, wanted: WantedLine, stop?: AbortSignal): Promise<Line>;
  /**
   * Changes whenever another device comes to `port`, or its permissions change; null while nothing is there. Cheap:
   * asked several times a second. Never rejects.
   */
  mark(port: string): Promise<string | null>;
}

/** Why a line could not be opened, in words for the person who must act. */
export interface LineProblem {
  readonly code: "port.missing" | "port.held" | "port.refused" | "port.ambiguous";
  readonly message: string;
}
