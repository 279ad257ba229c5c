import { chmodSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import type { AuditLog, DeskModel, EventFeed, SeamModel, WebhooksModel } from "#src/api/model";
import { createApi } from "#src/api/server";
import type { SharedCommit } from "#src/engine/shared-commit";
import type { Config } from "#src/config/config";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { HealthPart } from "#src/ops/health";
import { StoreError } from "#src/store/store-error";

export interface ApiParts {
  readonly seam: SeamModel;
  readonly desk: DeskModel;
  readonly webhooks: WebhooksModel;
  readonly events: EventFeed;
  readonly audit: AuditLog;
  readonly sharedCommit: SharedCommit;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
  readonly health: () => readonly HealthPart[];
  readonly metrics: () => Promise<string>;
}

export interface ListeningApis {
  /** Of the TCP API. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Serves one API in two places: over TCP to whoever has a key, on the unix socket to whoever can reach it. */
export async function listen(config: Config, parts: ApiParts): Promise<ListeningApis> {
  const { seam, ...same } = parts;
  const { api, socketPath } = config;
  const options = { ...same, model: seam, isReady: () => true, isStorageFull };
  const tls = readTls(api.tls);
  await takeSocket(socketPath);
  const local = createApi({ ...options, auth: "local socket" });
  const tcp = createApi({
    ...options,
    auth: (key) => parts.desk.tokens.check(key),
    rate: { perSecond: api.requestsPerSecond, burst: BURST_S * api.requestsPerSecond },
    allowedOrigins: api.allowedOrigins,
    tls,
  });
  const close = async (): Promise<void> => {
    await Promise.all([local.close(), tcp.close()]);
    rmSync(socketPath, { force: true });
  };
  try {
    await local.listen({ path: socketPath });
    chmodSync(socketPath, 0o660);
    await tcp.listen({ host: api.host, port: api.port });
  } catch (error) {
    await close();
    throw notListening(error, api);
  }
  const { port } = tcp.server.address() as AddressInfo; // It listens on TCP.
  const host = api.host.includes(":") ? `[${api.host}]` : api.host;
  return { endpoint: `${tls === null ? "http" : "https"}://${host}:${port}`, close };
}

/** After a rest a key may ask as often at once as otherwise in so many seconds. */
const BURST_S = 2;

function isStorageFull(error: unknown): boolean {
  return error instanceof StoreError && error.code === "disk_full";
}

/** The certificate with its key, both proved to be usable together. */
function readTls(tls: Config["api"]["tls"]): { readonly cert: string; readonly key: string } | null {
  if (tls === null) return null;
  const pem = { cert: readFileSync(tls.certificatePath, "utf8"), key: tls.key.reveal() };
  try {
    createSecureContext(pem);
    return pem;
  } catch (error) {
    throw new CertificateRefused(tls.certificatePath, error);
  }
}

/** The API's certificate cannot be used. */
export class CertificateRefused extends Error {
  override readonly name = "CertificateRefused";
  readonly code = "api.certificate_refused";

  constructor(path: string, cause: unknown) {
    const { reason } = cause as { readonly reason?: unknown };
    const detail = typeof reason === "string" ? ` (${reason})` : "";
    super(
      `the certificate ${path} and the key under api.tls cannot be used together${detail}: give the key that the certificate was made with, both in PEM`,
      { cause },
    );
  }
}

/** What a person can do about it, where that is known. */
function notListening(error: unknown, { host, port }: Config["api"]): unknown {
  const code = error instanceof Error && "code" in error ? error.code : null;
  switch (code) {
    case "EADDRINUSE":
      return new PortRefused(
        `port ${port} of ${host} is taken by another program: end that one, or choose another port`,
      );
    case "EACCES":
      return new PortRefused(`this user may not listen on port ${port}: choose one from 1024 upwards`);
    case "EADDRNOTAVAIL":
      return new PortRefused(`this machine has no address ${host} to listen on`);
    default:
      return error;
  }
}

/** The API cannot be served over TCP. */
export class PortRefused extends Error {
  override readonly name = "PortRefused";
  readonly code = "api.port_refused";
}

/** A socket file left by a crash is removed; one that answers belongs to a daemon that runs. */
async function takeSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (isAnswered) throw new SocketTaken(path);
  rmSync(path, { force: true });
}

/** Another daemon answers on the socket. */
export class SocketTaken extends Error {
  override readonly name = "SocketTaken";
  readonly code = "socket.taken";

  constructor(path: string) {
    super(`another Lockbridge daemon answers on ${path}: stop it first, or configure another socket`);
  }
}
