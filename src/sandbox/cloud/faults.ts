/** Ways in which the stand-in cloud can misbehave towards its gateway, for tests and for trying things out. */
export type CloudFault =
  /** The request never arrives. */
  | { readonly kind: "dropRequest" }
  /** It arrives and is acted on; the answer is lost. */
  | { readonly kind: "dropReply" }
  /** The connection ends in the middle of the answer. */
  | { readonly kind: "close" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "status"; readonly status: number; readonly retryAfterS?: number }
  | { readonly kind: "redirect"; readonly to: string }
  /** A captive portal's page. */
  | { readonly kind: "html" }
  | { readonly kind: "garbage" }
  /** An answer of this many bytes. */
  | { readonly kind: "tooBig"; readonly bytes: number }
  /** A small gzip that unpacks to this many bytes. */
  | { readonly kind: "gzipBomb"; readonly bytes: number };

/** A switchboard: each fault hits the next request, in the order in which they were put in. */
export class CloudFaults {
  readonly #next: CloudFault[] = [];
  #always: CloudFault | null = null;

  next(fault: CloudFault, times = 1): void {
    for (let time = 0; time < times; time++) this.#next.push(fault);
  }

  /** Hits every request, until it is set to null. */
  always(fault: CloudFault | null): void {
    this.#always = fault;
  }

  /** Faults still to come. */
  get pending(): number {
    return this.#next.length;
  }

  take(): CloudFault | null {
    return this.#next.shift() ?? this.#always;
  }
}
