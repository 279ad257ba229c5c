import type { ZWaveNode } from "zwave-js";
import { type CodeTable, isMasked, type SlotReading, SLOTS_MAX } from "./code-table.js";
import { CC } from "./command-classes.js";
import type { Library } from "./library.js";

/** Codes in the User Code Command Class: one code a slot, 4 to 10 digits. */
export function userCodeTable(library: Library, node: ZWaveNode): CodeTable {
  const { UserIDStatus, SetCredentialResult, SetUserResult } = library;
  const type = credentialType(library, node);
  const value = (property: string) => node.getValue({ commandClass: CC.userCode, property });
  const access = accessOf(node);
  const statuses = value("supportedUserIDStatuses");
  const isVersion1 = node.getCCVersion(CC.userCode) < 2;
  return {
    slots: Math.min(SLOTS_MAX, access.getUserCapabilitiesCached().maxUsers),
    lengthMin: 4,
    lengthMax: 10,
    // Version 1 has no such list and knows the status by another name.
    canDisable: isVersion1 || (Array.isArray(statuses) && statuses.includes(UserIDStatus.Disabled)),

    async read(slot, call) {
      // Not `getCredential`: it takes silence for an empty slot.
      const { userIdStatus: status, userCode } = await call.answer(() =>
        node.commandClasses["User Code"].get(slot),
      );
      if (status === UserIDStatus.StatusNotAvailable)
        throw call.failure("device.refused", "the lock says that it has no such slot");
      if (status === UserIDStatus.Available) return { is: "empty" };
      return occupied(textOf(userCode), status !== UserIDStatus.Disabled);
    },

    async write(slot, digits, isActive, call) {
      // It sets the status with the code: some locks keep a slot disabled that is only given a new code.
      const { credential } = await call.order(() =>
        access.addUser(slot, { active: isActive }, { type, slot, data: digits }),
      );
      if (credential !== SetCredentialResult.OK) return "unknown";
      // Only a lock without supervision is asked by the library; any other is believed.
      return node.supportsCC(CC.supervision) ? "done" : "read_back";
    },

    async clear(slot, call) {
      const result = await call.order(() => access.deleteUser(slot));
      return result === SetUserResult.OK ? "done" : "unknown";
    },

    // The library's own comparison is not used: asking overwrites what it compares with.
    checksum:
      value("supportsUserCodeChecksum") === true
        ? async (call) =>
            `user-code ${await call.answer(() => node.commandClasses["User Code"].getUserCodeChecksum())}`
        : null,
  };
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
