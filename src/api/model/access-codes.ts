import type { AccessCodeChange, AccessCodeWish } from "#src/domain/seam/access-code-rules";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Caller, Page, Paging } from "./paging.js";

/** Names one code: by its id, or by its lock and PIN; the schema lets nothing else through. */
export type AccessCodeRef =
  { readonly id: string } | { readonly deviceId: string; readonly code: Secret<string> };

export interface AccessCodeQuery extends Paging {
  readonly deviceId?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  /** Part of a name or id, or a whole PIN. */
  readonly search?: string | undefined;
}

/**
 * PINs on locks. Every change answers as soon as it is stored, with the pending action attempt of the work at the lock;
 * `sync` of the API is waited for by the route. An attempt ends when the lock has it, or with the lock's error.
 */
export interface AccessCodesModel {
  create(
    input: AccessCodeWish & { readonly deviceId: string },
    by: Caller,
  ): { readonly accessCode: JsonObject; readonly attempt: JsonObject };
  /** One PIN for all locks under one `common_code_key`; with a PIN of the caller's the key stays null. All or none. */
  createMultiple(
    input: AccessCodeWish & {
      readonly deviceIds: readonly string[];
      readonly whenNotShared: "throw" | "create_random_code";
    },
    by: Caller,
  ): readonly JsonObject[];
  get(which: AccessCodeRef, by: Caller): JsonObject;
  list(query: AccessCodeQuery, by: Caller): Page;
  /** Answers the `UPDATE_ACCESS_CODE` attempt. One bad parameter refuses all of it. */
  update(id: string, change: AccessCodeChange, by: Caller): JsonObject;
  /** All codes of one `common_code_key`, or none. */
  updateMultiple(
    commonCodeKey: string,
    change: Pick<AccessCodeChange, "name" | "startsAt" | "endsAt">,
    by: Caller,
  ): void;
  /** Answers the `DELETE_ACCESS_CODE` attempt. The object is 404 once no lock holds it. */
  delete(id: string, deviceId: string | undefined, by: Caller): JsonObject;
  /** A PIN that the lock would take and nobody has there. */
  generate(deviceId: string): Secret<string>;
  /** The same backup for the same code, as often as it is asked for. */
  pullBackup(id: string, by: Caller): JsonObject;
  /** PIN lengths that the lock really takes, where it told otherwise. */
  reportConstraints(deviceId: string, lengths: readonly number[], by: Caller): void;
  readonly unmanaged: UnmanagedAccessCodesModel;
}

/** Codes that somebody set at the lock: seen, and not ours to change until they are converted. */
export interface UnmanagedAccessCodesModel {
  get(which: AccessCodeRef, by: Caller): JsonObject;
  list(query: AccessCodeQuery, by: Caller): Page;
  delete(id: string, by: Caller): JsonObject;
  /** `force`: also where another managed code has the same PIN. */
  convert(
    id: string,
    options: { readonly force: boolean; readonly allowExternalModification?: boolean | undefined },
    by: Caller,
  ): void;
}
