import { connect } from "node:tls";
import type { Clock } from "#src/lib/deadline";

const LOOK_WITHIN_MS = 3_000;
const NAME_MAX = 80;

/**
 * Who issued the certificate that is shown at an address, as it says itself; null when that cannot be told. It is not
 * checked and nothing is sent: this is for a person who wonders why the certificate is not trusted, and finds the name
 * of a proxy that opens encrypted connections.
 */
export function issuerAt({ hostname, port }: URL, clock: Clock, defaultPort: number): Promise<string | null> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const isName = !/^[\d.]+$|:/.test(host);
    const socket = connect({
      host,
      port: port === "" ? defaultPort : Number(port),
      ...(isName ? { servername: host } : {}),
      rejectUnauthorized: false,
    });
    const end = (issuer: string | null): void => {
      cancel();
      socket.destroy();
      resolve(issuer);
    };
    const cancel = clock.startTimer(LOOK_WITHIN_MS, () => end(null));
    socket.on("error", () => end(null));
    socket.once("secureConnect", () => end(nameIn(socket.getPeerCertificate().issuer)));
  });
}

/** What stands there is somebody else's text: a line of it and no more. */
function nameIn(issuer: Readonly<Record<string, unknown>> | undefined): string | null {
  const said = issuer?.["O"] ?? issuer?.["CN"];
  if (typeof said !== "string") return null;
  const name = said.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  return name === "" ? null : name.slice(0, NAME_MAX);
}
