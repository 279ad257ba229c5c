import type { DesfireKey, DesfireStep, ReadBack, ReadPlan } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { COMMAND, DesfireRefusal, type Dialogue, exchange, STATUS } from "./apdu.js";
import { CARD, type DesfireSession } from "./session.js";

/** Plans for DESFire cards as conversations with the card: pure, and the same whatever reader carries them. */

export type DesfireRead = Extract<ReadPlan, { container: "desfire" }>;
export type DesfireReadBack = Extract<ReadBack, { container: "desfire" }>;

const AUTHENTICATION_ERROR = 0xae;
const ENCIPHERED = 3;
const VERSION_BYTES = 28;
const UID_AT = 14;
const NXP = 0x04;
const DESFIRE = 0x01;

/** True for a DESFire card of the second generation or later that shows its own UID. */
export function* isDesfireWithAes(uid: string): Dialogue<boolean> {
  const { status, data } = yield* exchange(COMMAND.version, new Uint8Array());
  const [maker, product, , generation = 0] = data;
  const isKnown = status === STATUS.ok && data.length === VERSION_BYTES;
  if (!isKnown || maker !== NXP || product !== DESFIRE || generation < 1) return false;
  return toHex(data.subarray(UID_AT, UID_AT + uid.length / 2)) === uid;
}

export function* readDialogue(session: DesfireSession, plan: DesfireRead): Dialogue<DesfireReadBack> {
  yield* session.select(CARD);
  const master = yield* firstThatOpens(session, plan.masterKeys);
  if (master === null) return nothingOpened();
  const applications = yield* session.applicationIds();
  const found = { container: "desfire", master: master.name, applications } as const;
  if (!applications.includes(plan.application)) return { ...found, opened: master.name, file: null };
  yield* session.select(plan.application);
  const key = yield* firstThatOpens(session, plan.readKeys);
  const file = key === null ? null : yield* fileIfThere(session, plan, key);
  return { ...found, opened: file === null || key === null ? null : key.name, file };
}

export function nothingOpened(): DesfireReadBack {
  return { container: "desfire", opened: null, master: null, applications: [], file: null };
}

export function* stepDialogue(session: DesfireSession, step: DesfireStep): Dialogue<void> {
  switch (step.do) {
    case "select":
      return yield* session.select(step.application);
    case "authenticate":
      if (yield* session.authenticate(step.key)) return;
      throw new DesfireRefusal(AUTHENTICATION_ERROR);
    case "format":
      return yield* session.format();
    case "changeKey":
      return yield* session.changeKey(step.from, step.to);
    case "changeSettings":
      return yield* session.changeSettings(step.settings);
    case "createApplication":
      return yield* session.createApplication(step.application, step.settings, step.keys);
    case "createBackupFile":
      return yield* session.createFile("backup", step);
    case "write":
      return yield* session.writeFile(step.file, ENCIPHERED, step.data.reveal());
    case "commit":
      return yield* session.commit();
  }
}

function* firstThatOpens(session: DesfireSession, keys: readonly DesfireKey[]): Dialogue<DesfireKey | null> {
  for (const key of keys) if (yield* session.authenticate(key)) return key;
  return null;
}

/** Null when there is no such file, it is too short, or the key may not read it. */
function* fileIfThere(
  session: DesfireSession,
  { file, size }: DesfireRead,
  { number }: DesfireKey,
): Dialogue<DesfireReadBack["file"]> {
  try {
    const settings = yield* session.fileSettings(file);
    if (settings.size < size) return null;
    const readers = [settings.rights >> 12, (settings.rights >> 4) & 0x0f];
    // Who reads because everybody may gets the data in clear, whatever the file says.
    const isEnciphered = readers.includes(number) && settings.communication === ENCIPHERED;
    return { ...settings, data: yield* session.readFile(file, isEnciphered, size) };
  } catch (error) {
    if (error instanceof DesfireRefusal && error.status !== "damaged") return null;
    throw error;
  }
}
