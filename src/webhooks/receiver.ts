import { BlockList, isIP } from "node:net";

/**
 * Who may receive. A property's own systems are the ordinary receivers, so private networks are open. What only this
 * machine or its cloud's metadata service would hear is not: an app could use the gateway to talk to them.
 */
const LOOPBACK = listOf(["127.0.0.0", 8, "ipv4"], ["::1", 128, "ipv6"]);
const NEVER = listOf(
  ["0.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["224.0.0.0", 4, "ipv4"],
  ["240.0.0.0", 4, "ipv4"],
  ["::", 128, "ipv6"],
  ["fe80::", 10, "ipv6"],
  ["ff00::", 8, "ipv6"],
  // Names an IPv4 address behind a translator.
  ["64:ff9b::", 96, "ipv6"],
);

export interface ReceiverRules {
  /** Only a sandbox sends to its own machine. */
  readonly mayBeLoopback: boolean;
}

/** What keeps this text from being a receiver's address, for whoever sent it; null: nothing that shows by itself. */
export function receiverFault(text: string, rules: ReceiverRules): string | null {
  if (!URL.canParse(text)) return "must be a URL, e.g. https://app.example/seam";
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return "must begin with https:// or http://";
  if (url.username !== "" || url.password !== "") return "must not carry a user or a password";
  const host = hostOf(url);
  if (isIP(host) === 0) {
    return isLocalName(host) && !rules.mayBeLoopback ? ONLY_IN_A_SANDBOX : null;
  }
  return addressFault(host, rules);
}

const ONLY_IN_A_SANDBOX = "is this machine itself: only a sandbox sends there";

/** Whether `address`, which a name may have led to, may be connected to; null: it may. */
export function addressFault(address: string, { mayBeLoopback }: ReceiverRules): string | null {
  if (isLoopback(address)) return mayBeLoopback ? null : ONLY_IN_A_SANDBOX;
  return NEVER.check(address, familyOf(address)) ? "is no address of a receiver" : null;
}

/** PINs leave this machine only encrypted. */
export function mayCarryPins(text: string): boolean {
  const url = new URL(text);
  const host = hostOf(url);
  if (url.protocol === "https:" || isLocalName(host)) return true;
  return isIP(host) !== 0 && isLoopback(host);
}

/** Without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, familyOf(address));
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

function isLocalName(host: string): boolean {
  return /(^|\.)localhost\.?$/.test(host);
}

function listOf(...subnets: readonly (readonly [string, number, "ipv4" | "ipv6"])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix, family] of subnets) list.addSubnet(network, prefix, family);
  return list;
}
