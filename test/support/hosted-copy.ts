import type { Device, Driver } from "#driver-api";
import type { Line } from "#src/devices/lines";
import { HostedLine } from "#src/hosts/hosted-line";
import { serve } from "#src/hosts/serve";
import { memoryChannels } from "#test/support/memory-channel";
import { VirtualClock } from "#test/support/virtual-clock";

/**
 * The driver as it is when it is hosted, but for the process: everything crosses as text. It works on the line that it
 * is handed, which stays open.
 */
export function hostedCopy(driver: Driver): Driver {
  return {
    ...driver,
    async open(settings, { line, clock, ...context }, call) {
      const [here, there] = memoryChannels();
      const ended = serve(there, {
        loadDriver: () => Promise.resolve(driver),
        openLine: () => Promise.resolve(keptOpen(line as Line)),
        loadLibrary: () => Promise.resolve(),
        clock,
        memory: () => 0,
      });
      const process = {
        channel: here,
        ended: ended.then(() => "it ended"),
        kill: () => there.end(),
        printedBytes: () => 0,
      };
      const deps = { clock: new VirtualClock(), log: context.log, onMemory: () => undefined };
      const host = await HostedLine.open(process, { driver: driver.id, port: "" }, deps);
      try {
        return closingToo(await host.openDevice(settings, context, call), host);
      } catch (error) {
        await host.close();
        throw error;
      }
    },
  };
}

/** The line belongs to whoever handed it over. */
function keptOpen(line: Line): Line {
  return withMember(line, "close", () => Promise.resolve());
}

function closingToo(device: Device, host: HostedLine): Device {
  return withMember(device, "close", async () => {
    await device.close();
    await host.close();
  });
}

function withMember<T extends object>(object: T, name: keyof T, member: unknown): T {
  return new Proxy(object, {
    get(target, asked) {
      if (asked === name) return member;
      const value: unknown = Reflect.get(target, asked, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
