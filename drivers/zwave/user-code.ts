import type { ZWaveNode } from "zwave-js";
import { type CodeTable, isMasked, type OrderAnswer, type SlotReading, SLOTS_MAX } from "./code-table.js";
import { CC } from "./command-classes.js";
import type { Library } from "./library.js";

/**
 * Codes in the User Code Command Class: one code a slot, 4 to 10 digits. Orders are the class's own and not `accessControl`'s,
 * which reads the slot after each where the lock has no supervision: the slot is read here, and once.
 */
export function userCodeTable({ UserIDStatus }: Library, node: ZWaveNode): CodeTable {
  const codes = node.commandClasses["User Code"];
  const value = (property: string) => node.getValue({ commandClass: CC.userCode, property });
  const statuses = value("supportedUserIDStatuses");
  const isVersion1 = node.getCCVersion(CC.userCode) < 2;
  return {
    slots: Math.min(SLOTS_MAX, accessOf(node).getUserCapabilitiesCached().maxUsers),
    lengthMin: 4,
    lengthMax: 10,
    // Version 1 has no such list and knows the status by another name.
    canDisable: isVersion1 || (Array.isArray(statuses) && statuses.includes(UserIDStatus.Disabled)),

    async read(slot, call) {
      // Not `getCredential`: it takes silence for an empty slot.
      const { userIdStatus: status, userCode } = await call.answer(() => codes.get(slot));
      if (status === UserIDStatus.StatusNotAvailable)
        throw call.failure("device.refused", "the lock says that it has no such slot");
      if (status === UserIDStatus.Available) return { is: "empty" };
      const { Disabled, Messaging } = UserIDStatus;
      return occupied(textOf(userCode), status !== Disabled && status !== Messaging);
    },

    async write(slot, digits, isActive, call) {
      // It sets the status with the code: some locks keep a slot disabled that is only given a new code.
      const status = isActive ? UserIDStatus.Enabled : UserIDStatus.Disabled;
      return saidOf(await call.order(() => codes.set(slot, status, digits)));
    },

    clear: async (slot, call) => saidOf(await call.order(() => codes.clear(slot))),

    // The library's own comparison is not used: asking overwrites what it compares with.
    checksum:
      value("supportsUserCodeChecksum") === true
        ? async (call) => `user-code ${await call.answer(() => codes.getUserCodeChecksum())}`
        : null,
  };
}

/** Of Supervision: all else is no yes. Working: it may still fail. */
const WORKING = 1;
const SUCCESS = 0xff;

function saidOf(result: { readonly status: number } | undefined): OrderAnswer {
  if (result === undefined || result.status === WORKING) return "heard";
  return result.status === SUCCESS ? "done" : "unknown";
}

export function accessOf(node: ZWaveNode): NonNullable<ZWaveNode["accessControl"]> {
  const access = node.accessControl;
  if (access === undefined) throw new Error(`node ${node.id} holds no codes`);
  return access;
}

/** PINCode, or Password where the lock takes more than digits: its capabilities say which. */
export function credentialType({ UserCredentialType }: Library, node: ZWaveNode): CredentialType {
  const types = accessOf(node).getCredentialCapabilitiesCached().supportedCredentialTypes;
  return types.has(UserCredentialType.PINCode) ? UserCredentialType.PINCode : UserCredentialType.Password;
}

type CredentialType = Library["UserCredentialType"]["PINCode" | "Password"];

export function occupied(text: string, isActive: boolean): SlotReading {
  return text === "" || isMasked(text)
    ? { is: "withheld", isActive }
    : { is: "code", digits: text, isActive };
}

export function textOf(code: unknown): string {
  if (typeof code === "string") return code;
  return code instanceof Uint8Array ? Buffer.from(code).toString("latin1") : "";
}
