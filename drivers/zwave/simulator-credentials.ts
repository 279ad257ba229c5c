import {
  UserCredentialCredentialReportType,
  UserCredentialModifierType,
  UserCredentialNameEncoding,
  UserCredentialRule,
  UserCredentialType,
  UserCredentialUserReportType,
  UserCredentialUserType,
} from "@zwave-js/cc";
import { UserCredentialCCCredentialReport, UserCredentialCCUserReport } from "@zwave-js/cc/UserCredentialCC";
import { Bytes } from "@zwave-js/shared";

/** What a simulated lock tells of its users and their codes unasked, the code itself included. */
export function credentialSaid(
  nodeId: number,
  slot: number,
  code: string,
  is: "added" | "modified",
): UserCredentialCCCredentialReport {
  const { CredentialAdded, CredentialModified } = UserCredentialCredentialReportType;
  return new UserCredentialCCCredentialReport({
    nodeId,
    reportType: is === "added" ? CredentialAdded : CredentialModified,
    userId: slot,
    credentialType: UserCredentialType.PINCode,
    credentialSlot: slot,
    credentialReadBack: true,
    credentialData: Bytes.from(code, "ascii"),
    modifierType: UserCredentialModifierType.Locally,
    modifierNodeId: 0,
  });
}

/** With a user go the user's codes; they are not told one by one. */
export function userGone(nodeId: number, userId: number): UserCredentialCCUserReport {
  return new UserCredentialCCUserReport({
    nodeId,
    reportType: UserCredentialUserReportType.UserDeleted,
    userId,
    modifierType: UserCredentialModifierType.Locally,
    modifierNodeId: 0,
    userType: UserCredentialUserType.General,
    active: false,
    credentialRule: UserCredentialRule.Single,
    expiringTimeoutMinutes: 0,
    nameEncoding: UserCredentialNameEncoding.ASCII,
    userName: "",
  });
}
