/** An open serial line, handed to a driver by `transports/`. Bytes arrive in any chunking. */
export interface SerialLine {
  /**
   * Resolves when the bytes were handed to the operating system and drained. Rejects with
   * `DriverError("device.lost")` when the line is gone, and after `signal` aborts; it never hangs after an unplug.
   */
  write(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Every listener gets every chunk. The returned function removes it. Bytes that nobody listens for are dropped. */
  onData(listener: (chunk: Uint8Array) => void): () => void;
  /** Called once when the line is gone; at once if it already is. The returned function removes it. */
  onClose(listener: (reason: string) => void): () => void;
  /** Changes the speed (baud) of the open line. */
  setBaudRate(baud: number): Promise<void>;
  readonly isOpen: boolean;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface SerialSettings {
  /** Baud. */
  readonly baudRate: number;
  readonly parity?: "none" | "even" | "odd";
  readonly dataBits?: 7 | 8;
  readonly stopBits?: 1 | 2;
}

/** An open USB HID device, handed to a driver by `transports/`. Whole reports only, and none of them numbered. */
export interface HidLine {
  /**
   * Sends one output report; what is shorter than the device's reports is filled up with zeros. Resolves when the
   * operating system has taken it. Rejects with `DriverError("device.lost")` when the device is gone, and after
   * `signal` aborts; it never hangs after an unplug.
   */
  write(report: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Every listener gets every input report. The returned function removes it. */
  onReport(listener: (report: Uint8Array) => void): () => void;
  /** Sends the feature report; rejects as `write` does, and with `device.silent` when the device does not take it. */
  setFeature(report: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Asks for the feature report, `HidSettings.featureBytes` long; rejects as `setFeature` does. */
  getFeature(signal: AbortSignal): Promise<Uint8Array>;
  /** Called once when the device is gone; at once if it already is. The returned function removes it. */
  onClose(listener: (reason: string) => void): () => void;
  readonly isOpen: boolean;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

export interface HidSettings {
  /** Length of an input and of an output report in bytes, 1 to 64 at full speed. */
  readonly reportBytes: number;
  /** Length of the feature report in bytes; left out where the driver uses none. */
  readonly featureBytes?: number;
}

/**
 * One reader of the PC/SC service, handed to a driver by `transports/`. The service hands over whole answers, in order,
 * or says that it cannot; a call rejects with `device.lost` when reader or service are gone, with `device.silent` when
 * nothing comes for seconds, and after `signal` aborts.
 */
export interface PcscLine {
  /** As the service has it. */
  readonly readerName: string;
  /** Is a card there? */
  present(signal: AbortSignal): Promise<boolean>;
  /** Takes the card for itself and powers it up anew, so that it forgets every session; its ATR, or null without a card. */
  connect(signal: AbortSignal): Promise<Uint8Array | null>;
  /** The answer with its two status bytes; null when the card is gone. */
  transmit(apdu: Uint8Array, signal: AbortSignal): Promise<Uint8Array | null>;
  /** Powers the card down and leaves it to others. Idempotent; never rejects. */
  disconnect(): Promise<void>;
  /** Called once when the reader is gone; at once if it already is. The returned function removes it. */
  onClose(listener: (reason: string) => void): () => void;
  readonly isOpen: boolean;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

/** What each kind of transport hands to a driver. A new transport adds its key here and an opener in `transports/`. */
export interface Lines {
  readonly serial: SerialLine;
  readonly hid: HidLine;
  readonly pcsc: PcscLine;
  readonly none: undefined;
}
export type TransportKind = keyof Lines;
