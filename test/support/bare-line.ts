import type { SerialLine } from "#driver-api";

/** A line that can only be closed: for devices that need no bytes. */
export function bareLine(): SerialLine & { hangUp(): void } {
  const listeners = new Set<(reason: string) => void>();
  return {
    isOpen: true,
    write: () => Promise.resolve(),
    onData: () => () => undefined,
    onClose(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setBaudRate: () => Promise.resolve(),
    close: () => Promise.resolve(),
    hangUp() {
      for (const listener of listeners) listener("unplugged");
    },
  };
}
