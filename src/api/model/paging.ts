import type { JsonObject } from "#src/lib/json";

/** Who asks. `seesPins`: answers may carry PINs. `from`: an address, or `local socket`; absent inside the process. */
export interface Caller {
  readonly name: string;
  readonly role: "viewer" | "technician" | "admin";
  readonly seesPins: boolean;
  readonly from?: string | undefined;
}

export interface Paging {
  readonly limit: number;
  readonly after?: { readonly createdAt: number; readonly id: string } | undefined;
}

/** One row more than `limit` is never in it; `next` is where the following page starts, null at the end. */
export interface Page {
  readonly items: readonly JsonObject[];
  readonly next: { readonly createdAt: number; readonly id: string } | null;
}
