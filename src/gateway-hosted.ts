import { Socket } from "node:net";
import type { Driver } from "#driver-api";
import { lineOpeners, ownLine } from "#src/gateway-lines";
import { lineChannel } from "#src/hosts/channel";
import { placesOf } from "#src/hosts/crash";
import { CHANNEL_FD } from "#src/hosts/process";
import { serve } from "#src/hosts/serve";
import { realClock } from "#src/ops/clock";

/** What the process of a driver does: it lives as long as the pipe that the gateway speaks over. */
export async function hostDriver(loadDriver: (id: string) => Promise<Driver | undefined>): Promise<never> {
  const channel = lineChannel(new Socket({ fd: CHANNEL_FD }));

  // Whoever stops the gateway's service or presses Ctrl-C signals us too; the gateway says when to end.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);

  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      channel.send(JSON.stringify({ is: "news", about: "crashed", args: placesOf(error) }));
      channel.end();
      realClock.startTimer(100, () => process.exit(1));
    });
  }

  const openers = lineOpeners(realClock);
  await serve(channel, {
    loadDriver,
    async openLine(driver, port) {
      const wanted = ownLine(driver);
      return wanted === null ? null : openers.open(port, wanted);
    },
    loadLibrary: (name) => import(name),
    clock: realClock,
    memory: () => process.memoryUsage.rss(),
  });
  process.exit();
}
