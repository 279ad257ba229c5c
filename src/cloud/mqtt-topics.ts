import type { CloudMessage, GatewayMessage, Presence } from "./wire.js";

/**
 * Where messages travel over MQTT: `lockbridge/v1/{site}/{gateway}/u/…` up, `…/d/…` down. A gateway subscribes to
 * `…/d/+` once; nothing but presence (`u/state`) and the feed's head (`d/head`) is ever retained.
 */
const ROOT = "lockbridge/v1";

/** Ends with a slash. */
export function gatewayTopics(site: string, gateway: string): string {
  return `${siteTopics(site)}${encodeURIComponent(gateway)}/`;
}

/** Of all gateways of a site. */
export function siteTopics(site: string): string {
  return `${ROOT}/${encodeURIComponent(site)}/`;
}

export function topicUp(message: GatewayMessage | Presence): string {
  return `u/${message.type === "fetch" ? "pull" : message.type}`;
}

const DOWN = {
  welcome: "ctl",
  ctl: "ctl",
  page: "page",
  gone: "page",
  chunk: "page",
  ack: "ack",
  cmd: "cmd",
  head: "head",
} as const satisfies Record<CloudMessage["type"], string>;

export function topicDown(message: CloudMessage): string {
  return `d/${DOWN[message.type]}`;
}
