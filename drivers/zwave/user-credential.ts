import type { ZWaveNode } from "zwave-js";
import type { LockCall } from "./call.js";
import { type CodeTable, type OrderAnswer, SLOTS_MAX } from "./code-table.js";
import type { Library } from "./library.js";
import { accessOf, credentialType, occupied, textOf } from "./user-code.js";

/**
 * Codes in the User Credential Command Class: slot N is user N with the PIN in credential slot N. A user with other
 * credentials (cards, fingers) or a credential of another user is somebody else's, and reads as occupied.
 */
export function userCredentialTable(library: Library, node: ZWaveNode): CodeTable {
  const access = accessOf(node);
  const cc = node.commandClasses["User Credential"];
  const type = credentialType(library, node);
  const { maxUsers } = access.getUserCapabilitiesCached();
  const { UserCredentialCommand, UserCredentialModifierType, SetUserResult } = library;
  const { OK } = SetUserResult;
  const commands = [UserCredentialCommand.AllUsersChecksumGet, UserCredentialCommand.CredentialChecksumGet];
  const limits = access.getCredentialCapabilitiesCached().supportedCredentialTypes.get(type);
  const others = (user: number) =>
    access
      .getCredentialsForUserCached(user)
      .filter((credential) => credential.type !== type || credential.slot !== user);

  /** The credential slot as the lock tells it now. Not `access.getCredential`: it takes silence for an empty slot. */
  async function credentialIn(slot: number, call: LockCall) {
    const report = await call.answer(() => cc.getCredential(0, type, slot));
    const isThere = report.modifierType !== UserCredentialModifierType.DoesNotExist && report.userId > 0;
    return report.credentialType === type && isThere ? report : null;
  }

  return {
    slots: Math.min(SLOTS_MAX, maxUsers, limits?.numberOfCredentialSlots ?? 0),
    lengthMin: limits?.minCredentialLength ?? 4,
    lengthMax: limits?.maxCredentialLength ?? 8,
    canDisable: true,

    async read(slot, call) {
      const credential = await credentialIn(slot, call);
      if (credential === null)
        return others(slot).length > 0 ? { is: "withheld", isActive: true } : { is: "empty" };
      const user = await call.answer(() => cc.getUser(credential.userId));
      return occupied(textOf(credential.credentialData), user.active);
    },

    async write(slot, digits, isActive, call) {
      const credential = await credentialIn(slot, call);
      if ((credential !== null && credential.userId !== slot) || others(slot).length > 0)
        throw call.failure(
          "device.refused",
          "somebody else's card, finger or code is in that slot of the lock",
        );
      // Not `access.getUser`: it answers a user also where there is none.
      const user = await call.answer(() => cc.getUser(slot));
      const options = { active: isActive };
      if (user.modifierType === UserCredentialModifierType.DoesNotExist) {
        const data = { type, slot, data: digits };
        const { user: added, credential: set } = await call.order(() => access.addUser(slot, options, data));
        return added === OK ? meaningOf(library, set) : "unknown";
      }
      // The library chooses between adding and changing by what it keeps, so that is made new first.
      await call.ask(() => access.getUser(slot));
      if (credential !== null) await call.ask(() => access.getCredential(type, slot));
      // Shut before the code is in, open only after it.
      const shut = isActive ? OK : await call.order(() => access.setUser(slot, options));
      const set = await call.order(() => access.setCredential(slot, type, slot, digits));
      const opened = isActive ? await call.order(() => access.setUser(slot, options)) : OK;
      return shut === OK && opened === OK ? meaningOf(library, set) : "unknown";
    },

    async clear(slot, call) {
      const credential = await credentialIn(slot, call);
      const isWholeUser = (credential === null || credential.userId === slot) && others(slot).length === 0;
      const result = await call.order<number>(() =>
        isWholeUser
          ? access.deleteUser(slot)
          : access.deleteCredential(credential?.userId ?? slot, type, slot),
      );
      return result === 0 ? "done" : "unknown";
    },

    // Users and credentials each have one; together they cover what a slot is.
    checksum: commands.every((command) => cc.supportsCommand(command) === true)
      ? async (call) => {
          const users = await call.answer(() => cc.getAllUsersChecksum());
          return `users ${users} credentials ${await call.answer(() => cc.getCredentialChecksum(type))}`;
        }
      : null,
  };
}

function meaningOf({ SetCredentialResult }: Library, result: number | undefined): OrderAnswer {
  switch (result) {
    case SetCredentialResult.OK:
      return "done";
    case SetCredentialResult.Error_DuplicateCredential:
    case SetCredentialResult.Error_DuplicateAdminPINCode:
      return "duplicate";
    case SetCredentialResult.Error_ManufacturerSecurityRules:
    case SetCredentialResult.Error_WrongUserUniqueIdentifier:
      return "refused";
    default:
      return "unknown";
  }
}
