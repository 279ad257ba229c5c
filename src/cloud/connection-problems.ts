import type { CarrierProblem } from "./sync-state.js";

/**
 * What a failed connection means, on any carrier. Only the stable code of Node's error is shown. Of two ends the one
 * that complains says which certificate is wrong: an alert comes from the other end, everything else from here.
 */
export function problemOfError(error: unknown, host: string): CarrierProblem {
  const code = codeOf(error);
  if (/_ALERT_\w*(CERT|CA$|HANDSHAKE_FAILURE)/.test(code)) {
    return {
      code: "carrier.certificate_refused",
      message: `${host} does not accept this gateway's certificate (${code}); check cloud.tls`,
    };
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|TLS|SSL|ALTNAME/.test(code)) {
    return {
      code: "carrier.tls",
      message: `no trusted encrypted connection to ${host} (${code})${hintOf(code)}`,
    };
  }
  return { code: "carrier.unreachable", message: `cannot reach ${host} (${code})` };
}

function hintOf(code: string): string {
  if (code === "CERT_HAS_EXPIRED") return ": its certificate has expired";
  if (code === "CERT_NOT_YET_VALID") return ": its certificate is not valid yet; check this machine's clock";
  if (code.startsWith("ERR_OSSL_"))
    return ": a file of cloud.tls is damaged, or certificate and key do not match";
  if (code.includes("ALTNAME")) return ": its certificate is for another name";
  if (/SELF_SIGNED|UNABLE_TO_/.test(code))
    return ": its certificate is of no authority known here; check cloud.tls.ca, and whether a proxy on the way opens encrypted connections";
  return "";
}

function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code;
  return error instanceof Error ? error.name : "unknown";
}
