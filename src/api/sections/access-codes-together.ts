import {
  type AccessCodeDraft,
  type AccessCodeWish,
  checkAccessCodeCreate,
} from "#src/domain/seam/access-code-rules";
import { ruleBroken } from "#src/domain/seam/fault";
import { generatePin } from "#src/domain/seam/pin";
import type { JsonObject } from "#src/lib/json";
import { seamErrorOf, valueOf } from "../fault.js";
import type { AccessCodesModel, Caller } from "../model.js";
import { contextOf, showCode, turningPoolOn, workOf } from "./code-objects.js";
import type { SiteLocks } from "./site-locks.js";
import { objectOf, type SiteObjects } from "./site-objects.js";

type Input = Parameters<AccessCodesModel["createMultiple"]>[0];

/** One code on several locks: all of them or none. */
export function createMultiple(
  site: SiteObjects,
  locks: SiteLocks,
  { deviceIds, whenNotShared, ...wish }: Input,
  by: Caller,
): readonly JsonObject[] {
  const contexts = [...new Set(deviceIds)].map((id) => contextOf(site, locks, id));
  const shared = sharedCode(site, contexts, wish);
  if (shared === undefined && whenNotShared === "throw") {
    throw seamErrorOf(
      ruleBroken("code_cannot_be_shared", "No PIN was found that every one of these devices takes."),
    );
  }
  // A PIN of the caller's own links nothing, and neither do PINs that differ.
  const commonCodeKey = wish.code === undefined && shared !== undefined ? site.newId() : undefined;
  const drafts: AccessCodeDraft[] = contexts.map((context) =>
    valueOf(
      checkAccessCodeCreate({ ...wish, code: shared, commonCodeKey }, { ...context, id: site.newId() }),
    ),
  );
  const works = drafts.map((draft) => workOf("CREATE_ACCESS_CODE", draft, turningPoolOn(locks, draft)));
  locks.carryOut(works, by, "created access_codes on several devices");
  return works.map(({ codeId }) => showCode(site, objectOf(site, "access_code", codeId), by));
}

function sharedCode(
  site: SiteObjects,
  contexts: readonly ReturnType<typeof contextOf>[],
  { code, preferredCodeLength }: AccessCodeWish,
) {
  if (code !== undefined) return code;
  const taken = new Set(contexts.flatMap(({ others }) => others.map(({ digits }) => digits)));
  return generatePin(
    contexts.map(({ lock }) => lock),
    { preferredLength: preferredCodeLength, taken, random: (size) => site.random(size) },
  );
}
