import type { Socket } from "node:net";
import { responseHeaders } from "./access.js";
import { BODY_BYTES_MAX, wrongContentType } from "./body.js";
import { errorAnswer } from "./envelope.js";
import { SeamError } from "./model.js";

/** A fault of the caller that the HTTP layer found, in Seam's terms; undefined when the fault is ours. */
export function seamErrorFrom(error: unknown): SeamError | undefined {
  if (error instanceof SeamError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new SeamError(413, "payload_too_large", `A body has at most ${BODY_BYTES_MAX} bytes.`);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
    case "FST_ERR_CTP_EMPTY_TYPE":
      return wrongContentType();
    case "FST_ERR_BAD_URL":
      return new SeamError(400, "invalid_url", "The path is not a valid URL.");
    default:
      return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500
        ? new SeamError(400, "invalid_request", "The request could not be read.")
        : undefined;
  }
}

/** Bytes that are no HTTP request, or too slow a one: answered on the bare socket, in the same envelope. */
export function answerBrokenRequest(
  error: { readonly code?: string | undefined },
  socket: Socket,
  requestId: string,
): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, reason, message } = brokenBy(error.code);
  const body = JSON.stringify(errorAnswer(new SeamError(status, "invalid_request", message), requestId).body);
  const headers = {
    ...responseHeaders(requestId),
    "content-type": "application/json; charset=utf-8",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${lines.join("")}\r\n${body}`);
}

function brokenBy(code: string | undefined) {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return {
        status: 431,
        reason: "Request Header Fields Too Large",
        message: "The headers and the path are too long.",
      };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, reason: "Request Timeout", message: "The request took too long to arrive." };
    default:
      return { status: 400, reason: "Bad Request", message: "This is not an HTTP request." };
  }
}
