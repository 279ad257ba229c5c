import type { PtyEnd } from "#src/sandbox/pty";

/** The device's end of a serial line, as every simulator offers it. */
export interface SimulatedDevice {
  receive(bytes: Uint8Array): void;
  onSend(listener: (bytes: Uint8Array) => void): () => void;
}

/** Puts a simulated device at the far end of a pseudo-terminal. The returned function takes it off again. */
export function attach(pty: PtyEnd, device: SimulatedDevice): () => void {
  const stopHearing = pty.onData((bytes) => device.receive(bytes));
  const stopSaying = device.onSend((bytes) => pty.write(bytes));
  return () => {
    stopHearing();
    stopSaying();
  };
}
