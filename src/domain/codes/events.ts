import type { JsonObject } from "#src/lib/json";
import type { SeamEventType } from "../seam/event.js";
import type { CodeLife } from "./life.js";
import type { Slot } from "./slot.js";
import { changesOf, type CodeChange, PIN_CHANGE, requestedMutations } from "./told.js";

/** One of Seam's events on an access code, with its further members; never a PIN. */
export interface CodeEvent {
  readonly type: SeamEventType;
  readonly more: JsonObject;
}

/** Events of a managed code, in this order. That it is gone for good (`access_code.deleted`) is told by who removes it. */
export function codeEvents(
  before: CodeLife | null,
  after: CodeLife,
  outside: { readonly before: Slot["outside"]; readonly after: Slot["outside"] },
): readonly CodeEvent[] {
  const events: CodeEvent[] = [];
  const tell = (type: SeamEventType, more: JsonObject = {}): void => void events.push({ type, more });
  if (before === null) tell("access_code.created");
  const [was, is] = [before?.onLock ?? null, after.onLock];
  const isOtherPin = is !== null && was !== null && is !== was;
  const known = before?.told ?? null;
  const wish = known === null || after.told === null ? [] : changesOf(known, after.told);
  if (known !== null && after.told !== null) {
    const requested_mutations = requestedMutations(known, after.told);
    if (requested_mutations.length > 0) tell("access_code.mutations_requested", { requested_mutations });
  }
  const changes = [...wish, ...(isOtherPin ? [PIN_CHANGE] : [])];
  if (changes.length > 0) tell("access_code.changed", { changed_properties: changes.flatMap(propertiesOf) });
  for (const change of wish) tell(`access_code.${change.what}_changed`, detailsOf(change));
  const backupId = after.told?.backupId ?? null;
  if (backupId !== null && known?.backupId === null) {
    tell("access_code.backup_access_code_pulled", { backup_access_code_id: backupId });
  }
  if (outside.after !== null && outside.after.at !== outside.before?.at) {
    tell(
      outside.after.change === "modified"
        ? "access_code.modified_external_to_seam"
        : "access_code.deleted_external_to_seam",
    );
  }
  if (is !== null && is !== was) tell("access_code.set_on_device");
  if (isOtherPin) tell("access_code.code_changed", detailsOf(PIN_CHANGE));
  if (is === null && was !== null) tell("access_code.removed_from_device");
  if (after.observed.isScheduledOnDevice && before?.observed.isScheduledOnDevice !== true) {
    tell("access_code.scheduled_on_device");
  }
  const isNew = (list: "errors" | "warnings", code: string): boolean =>
    after.observed[list].some((notice) => notice.code === code) &&
    before?.observed[list].some((notice) => notice.code === code) !== true;
  for (const code of ["failed_to_set_on_device", "failed_to_remove_from_device"] as const) {
    if (isNew("errors", code)) tell(`access_code.${code}`);
  }
  for (const code of ["delay_in_setting_on_device", "delay_in_removing_from_device"] as const) {
    if (isNew("warnings", code)) tell(`access_code.${code}`);
  }
  return events;
}

const SENTENCES: Readonly<Record<CodeChange["what"], string>> = {
  name: "The name of the access code was changed.",
  time_frame: "The time frame of the access code was changed.",
  code: "The PIN of the access code was changed.",
};

function detailsOf({ what, from, to }: CodeChange): JsonObject {
  return { from, to, description: SENTENCES[what] };
}

/** One of each member that is another now. */
function propertiesOf({ from, to }: CodeChange): JsonObject[] {
  return Object.keys(to)
    .filter((property) => from[property] !== to[property] || property === "code")
    .map((property) => ({ property, from: from[property] ?? null, to: to[property] ?? null }));
}
