import { CloudConfigError } from "./carrier.js";

export interface AddressRule {
  /** Where it stands in the configuration. */
  readonly key: string;
  /** Protocols that encrypt, the one to recommend first. */
  readonly safe: readonly string[];
  /** The same without encryption: on this machine only, since PINs travel over it. */
  readonly plain: readonly string[];
}

export interface Address {
  readonly url: URL;
  readonly isEncrypted: boolean;
}

/** Throws `CloudConfigError` for what is no address, or not fit to carry tokens and PINs. */
export function checkedAddress(text: string, { key, safe, plain }: AddressRule): Address {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CloudConfigError(
      `${key}: "${text}" is not an address; it looks like ${safe[0] ?? ""}//cloud.example`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new CloudConfigError(`${key}: no user or password in the address; the token goes into cloud.token`);
  }
  const isEncrypted = safe.includes(url.protocol);
  if (isEncrypted || (plain.includes(url.protocol) && isLoopback(url.hostname))) return { url, isEncrypted };
  throw new CloudConfigError(
    `${key}: ${url.protocol}//${url.hostname} is not encrypted, and PINs would travel over it; use ${safe.map((protocol) => `${protocol}//`).join(" or ")}`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
