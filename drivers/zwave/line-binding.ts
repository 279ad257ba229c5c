import type { ZWaveOptions } from "zwave-js";
import type { SerialLine } from "#driver-api";

type Serial = NonNullable<NonNullable<ZWaveOptions["host"]>["serial"]>;
export type BindingFactory = Awaited<ReturnType<NonNullable<Serial["createFactoryByPath"]>>>;

/**
 * Our open line as the library wants one, so that it never opens a port itself. A line that is gone stays gone: the
 * supervisor opens the next one, for another driver object.
 */
export function bindingOf(
  line: SerialLine,
  { asked, heard }: { readonly asked: () => void; readonly heard: () => void },
): { readonly factory: BindingFactory; readonly cut: () => void } {
  const over = new AbortController();
  const stops: (() => void)[] = [];
  /** From now on nothing comes from the library, and nothing comes to it. */
  const stop = (): void => {
    over.abort();
    for (const off of stops.splice(0)) off();
  };
  const factory: BindingFactory = () => {
    if (!line.isOpen || over.signal.aborted) return Promise.reject(new Error("the serial line is gone"));
    return Promise.resolve({
      sink: {
        write(bytes) {
          // A single byte is no command: a NAK to begin with, or an acknowledgement.
          if (bytes.length > 1) asked();
          return line.write(bytes, over.signal);
        },
        close: stop,
        abort: stop,
      },
      source: {
        start(controller) {
          stops.push(
            line.onData((chunk) => {
              heard();
              controller.enqueue(Uint8Array.from(chunk));
            }),
            line.onClose((reason) => {
              stop();
              controller.error(new Error(reason));
            }),
          );
        },
        cancel: stop,
      },
    });
  };
  return { factory, cut: stop };
}
