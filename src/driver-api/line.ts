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

/** What each kind of transport hands to a driver. A new transport adds its key here and an opener in `transports/`. */
export interface Lines {
  readonly serial: SerialLine;
  readonly none: undefined;
}
export type TransportKind = keyof Lines;
