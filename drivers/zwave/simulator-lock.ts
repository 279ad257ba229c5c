import {
  UserCredentialCCCredentialGet,
  UserCredentialCCCredentialSet,
  UserCredentialCCUserSet,
} from "@zwave-js/cc/UserCredentialCC";
import {
  UserCodeCCExtendedUserCodeSet,
  UserCodeCCGet,
  UserCodeCCReport,
  UserCodeCCSet,
  UserCodeCCUsersNumberGet,
} from "@zwave-js/cc/UserCodeCC";
import { DoorLockCCOperationSet } from "@zwave-js/cc/DoorLockCC";
import { NotificationCCGet, NotificationCCReport } from "@zwave-js/cc/NotificationCC";
import { Security2CC } from "@zwave-js/cc/Security2CC";
import { TimeParametersCCGet, TimeParametersCCSet } from "@zwave-js/cc/TimeParametersCC";
import { ScheduleEntryLockCCYearDayScheduleSet } from "@zwave-js/cc/ScheduleEntryLockCC";
import { BatteryCCGet, BatteryCCReport } from "@zwave-js/cc/BatteryCC";
import { ConfigurationCCSet } from "@zwave-js/cc/ConfigurationCC";
import {
  type CommandClass,
  TimeParametersCommand,
  UserCredentialOperationType,
  type UserIDStatus,
} from "@zwave-js/cc";
import { SecurityClass } from "@zwave-js/core";
import { createMockZWaveRequestFrame, type MockNode, type MockNodeBehavior } from "@zwave-js/testing";
import type { Clock } from "#src/lib/deadline";
import { credentialSaid, userGone } from "./simulator-credentials.js";
import { GOOD_HABITS, type Habits } from "./simulator-habits.js";

export { GOOD_HABITS } from "./simulator-habits.js";

type Answer = ReturnType<NonNullable<MockNodeBehavior["handleCC"]>>;

const ENABLED = 1;
const DISABLED = 2;
const LOCKED = 0xff;
const ACCESS_CONTROL = 6;
/** `ScheduleEntryLockScheduleKind` of the library. */
const YEAR_DAY = 1;

/** One lock at the far end of the radio: what lies in its slots, and the person at its keypad. */
export class SimulatedLock {
  readonly node: MockNode;
  readonly kind: "v1" | "v2" | "credentials";
  readonly habits: Habits = { ...GOOD_HABITS };
  /** How often a slot, a window or the bolt was ordered to change. */
  orders = 0;
  /** Is told each order about a code, in their order. */
  onOrder: ((what: "code enabled" | "code disabled" | "window") => void) | null = null;
  parameterWrites = 0;
  /** 0 to 100. */
  battery = 80;
  /** What its clock shows: the mock takes its digits for UTC. */
  clock = new Date(0);
  readonly #slots: number;
  readonly #clock: Clock;
  #isSilent = false;

  constructor(
    node: MockNode,
    kind: SimulatedLock["kind"],
    { slots, clock }: { slots: number; clock: Clock },
  ) {
    this.#slots = slots;
    this.node = node;
    this.kind = kind;
    this.#clock = clock;
    node.defineBehavior(...this.#behaviors());
  }

  /** Out of reach: it hears nothing, acknowledges nothing and says nothing. */
  silence(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.node.autoAckControllerFrames = !isSilent;
  }

  get isLocked(): boolean {
    const { state } = this.node;
    return state.get("DoorLock_currentMode") === LOCKED || state.get("Lock_locked") === true;
  }

  /** Code and status of the occupied slots, as they lie in the lock. */
  slots(): ReadonlyMap<number, { readonly code: string; readonly isEnabled: boolean }> {
    const found = new Map<number, { code: string; isEnabled: boolean }>();
    for (const [key, value] of this.node.state) {
      const [, kind = "", number = ""] = /^(UserCode_userCode_|UserCredential_cred_1_)(\d+)$/.exec(key) ?? [];
      if (number === "" || value === undefined) continue;
      const slot = Number(number);
      const isCode = kind.startsWith("UserCode");
      const code = isCode
        ? (value as string)
        : textOf((value as { credentialData: Uint8Array }).credentialData);
      found.set(slot, {
        code: code,
        isEnabled: isCode ? this.#status(slot) === ENABLED : this.#isActive(value),
      });
    }
    return found;
  }

  code(slot: number): string | null {
    return this.slots().get(slot)?.code ?? null;
  }

  /** The window of a slot as the lock holds it. */
  yearDay(slot: number): unknown {
    return this.node.state.get(`ScheduleEntryLock_schedule_${slot}_1_${YEAR_DAY}`) ?? null;
  }

  /** Minutes from UTC, and what summer adds. */
  offsets(): { readonly standardOffset: unknown; readonly dstOffset: unknown } {
    const { state } = this.node;
    return {
      standardOffset: state.get("ScheduleEntryLock_standardOffset"),
      dstOffset: state.get("ScheduleEntryLock_dstOffset"),
    };
  }

  /** Somebody puts a code into a slot at the keypad, or takes it out; the lock tells of it unless it is `quiet`. */
  async changeAtKeypad(slot: number, code: string | null, isTold = true): Promise<void> {
    const isNew = this.code(slot) === null;
    this.put(slot, code);
    if (!isTold) return;
    if (this.kind !== "credentials") return this.notify(code === null ? 13 : 14, slot);
    const nodeId = this.node.controller.ownNodeId;
    // Such locks tell the code itself.
    await this.#send(
      code === null
        ? userGone(nodeId, slot)
        : credentialSaid(nodeId, slot, code, isNew ? "added" : "modified"),
    );
  }

  /** Somebody adds a code at the keypad, in the last free slot. */
  async addAtKeypad(code: string): Promise<void> {
    const held = this.slots();
    for (let slot = this.#slots; slot >= 1; slot--) {
      if (held.has(slot)) continue;
      await this.changeAtKeypad(slot, code);
      return;
    }
  }

  async lockByHand(): Promise<void> {
    this.node.state.set("DoorLock_currentMode", LOCKED);
    await this.notify(1);
  }

  /** Someone opens or closes the door. */
  openDoor(isOpen: boolean): Promise<void> {
    return this.notify(isOpen ? 22 : 23);
  }

  /** Someone opens its cover. */
  tamper(): Promise<void> {
    return this.report({ notificationType: 7, notificationEvent: 3 });
  }

  /** 0 to 100, told unasked. */
  async reportBattery(percent: number): Promise<void> {
    this.battery = percent;
    await this.#send(new BatteryCCReport({ nodeId: this.node.controller.ownNodeId, level: percent }));
  }

  /** Types a code. It opens if it lies in an enabled slot. */
  async pressKeys(pin: string): Promise<"opened" | "refused"> {
    const found = [...this.slots()].find(([, { code, isEnabled }]) => code === pin && isEnabled);
    if (found === undefined) {
      await this.report({ notificationType: 7, notificationEvent: 4 });
      return "refused";
    }
    this.node.state.set("DoorLock_currentMode", 0);
    await this.notify(6, found[0]);
    return "opened";
  }

  /** An event of notification type 6. */
  notify(event: number, slot: number | null = null): Promise<void> {
    const isNamed = slot !== null && !this.habits.omitsSlot;
    return this.report({
      notificationType: ACCESS_CONTROL,
      notificationEvent: event,
      ...(isNamed && { eventParameters: Uint8Array.of(slot) }),
    });
  }

  /** An event whose parameter is a whole User Code Report, with the code in it. */
  notifyWithCode(event: number, slot: number, code: string): Promise<void> {
    return this.report({
      notificationType: ACCESS_CONTROL,
      notificationEvent: event,
      eventParameters: Uint8Array.of(0x63, 0x03, slot, ENABLED, ...Buffer.from(code)),
    });
  }

  /** It says that its battery is low, and no figure. */
  reportLowBattery(): Promise<void> {
    return this.#send(new BatteryCCReport({ nodeId: this.node.controller.ownNodeId, level: "low" }));
  }

  /** Of a slot that nobody asked for, with the code in it. */
  tellSlot(slot: number, code: string): Promise<void> {
    this.put(slot, code);
    const nodeId = this.node.controller.ownNodeId;
    const userIdStatus = this.#status(slot) as UserIDStatus.Enabled;
    return this.#send(new UserCodeCCReport({ nodeId, userId: slot, userIdStatus, userCode: code }));
  }

  report(what: Partial<ConstructorParameters<typeof NotificationCCReport>[0]>): Promise<void> {
    const nodeId = this.node.controller.ownNodeId;
    return this.#send(new NotificationCCReport({ nodeId, ...what }));
  }

  async #send(cc: CommandClass): Promise<void> {
    if (this.#isSilent) return;
    const { node } = this;
    const isSecure = node.capabilities.securityClasses.has(SecurityClass.S2_AccessControl);
    const sent = isSecure
      ? Security2CC.encapsulate(cc, node.id, node.securityManagers, {
          securityClass: SecurityClass.S2_AccessControl,
        })
      : cc;
    await node.sendToController(createMockZWaveRequestFrame(sent, { ackRequested: false }));
  }

  /** What lies in a slot from now on, without a word. `userId`: whose credential it is, where locks know users. */
  put(slot: number, code: string | null, is: "enabled" | "disabled" = "enabled", userId = slot): void {
    const { state } = this.node;
    const status = is === "enabled" ? ENABLED : DISABLED;
    if (this.kind !== "credentials") {
      state.set(`UserCode_userIdStatus_${slot}`, code === null ? 0 : status);
      state.set(`UserCode_userCode_${slot}`, code ?? undefined);
    } else if (code === null) {
      state.delete(`UserCredential_user_${userId}`);
      state.delete(`UserCredential_cred_1_${slot}`);
    } else {
      const by = { modifierType: 3, modifierNodeId: 0 };
      const user = {
        userType: 0,
        active: is === "enabled",
        credentialRule: 1,
        expiringTimeoutMinutes: 0,
        nameEncoding: 0,
        userName: "",
      };
      state.set(`UserCredential_user_${userId}`, { ...user, ...by });
      state.set(`UserCredential_cred_1_${slot}`, { userId, credentialData: Buffer.from(code), ...by });
    }
  }

  /** Any status of the User Code Command Class, whatever lies in the slot. */
  putStatus(slot: number, status: number): void {
    this.node.state.set(`UserCode_userIdStatus_${slot}`, status);
  }

  /** How the bolt stands: a `DoorLockMode`. */
  putMode(mode: number): void {
    this.node.state.set("DoorLock_currentMode", mode);
  }

  #status(slot: number): unknown {
    return this.node.state.get(`UserCode_userIdStatus_${slot}`);
  }

  #isActive(credential: unknown): boolean {
    const { userId } = credential as { userId: number };
    const user = this.node.state.get(`UserCredential_user_${userId}`) as { active: boolean } | undefined;
    return user?.active === true;
  }

  /** In front of what the library's mock does. */
  #behaviors(): MockNodeBehavior[] {
    return [
      {
        handleCC: (controller, _self, cc) => {
          if (this.#isSilent) return { action: "stop" };
          const { hidesNumber, hidesSlots } = this.habits;
          if (cc instanceof UserCodeCCUsersNumberGet && hidesNumber) return { action: "stop" };
          if (cc instanceof UserCodeCCGet) return this.#answerGet(controller.ownNodeId, cc.userId);
          if (cc instanceof UserCredentialCCCredentialGet && hidesSlots) return { action: "stop" };
          if (
            cc instanceof UserCredentialCCUserSet &&
            cc.operationType === UserCredentialOperationType.Delete
          )
            return this.#answerUserGone(cc.userId);
          if (cc instanceof UserCredentialCCCredentialSet && cc.credentialData !== undefined)
            return this.#answerCredential(cc.credentialSlot, textOf(cc.credentialData));
          if (cc instanceof UserCodeCCSet)
            return this.#answerSet(cc.userId, cc.userIdStatus, String(cc.userCode));
          if (cc instanceof UserCodeCCExtendedUserCodeSet) {
            const [first] = cc.userCodes;
            if (first === undefined || first.userId === 0) return undefined;
            const code = "userCode" in first ? String(first.userCode) : "";
            return this.#answerSet(first.userId, first.userIdStatus, code);
          }
          if (cc instanceof BatteryCCGet) {
            const report = new BatteryCCReport({ nodeId: controller.ownNodeId, level: this.battery });
            return { action: "sendCC", cc: report };
          }
          if (cc instanceof NotificationCCGet)
            return { action: "sendCC", cc: idleReport(controller.ownNodeId, cc) };
          if (cc instanceof ScheduleEntryLockCCYearDayScheduleSet) {
            this.onOrder?.("window");
            return this.habits.dropsWindows ? { action: "ok" } : undefined;
          }
          if (cc instanceof ConfigurationCCSet) this.parameterWrites++;
          if (cc instanceof TimeParametersCCSet) return this.#setClock(cc.dateAndTime);
          if (cc instanceof TimeParametersCCGet)
            return { action: "sendCC", cc: this.#tellClock(controller.ownNodeId) };
          if (cc instanceof DoorLockCCOperationSet) return this.#answerBolt();
          return undefined;
        },
      },
    ];
  }

  #answerGet(nodeId: number, userId: number): Answer {
    if (this.habits.hidesSlots) return { action: "stop" };
    const code = this.code(userId);
    if (code === null || !this.habits.masks) return undefined;
    const userIdStatus = this.#status(userId) as UserIDStatus.Enabled;
    const cc = new UserCodeCCReport({ nodeId, userId, userIdStatus, userCode: "*".repeat(code.length) });
    return { action: "sendCC", cc };
  }

  #answerSet(slot: number, status: number, code: string): Answer {
    this.orders++;
    if (status !== 0) this.onOrder?.(status === ENABLED ? "code enabled" : "code disabled");
    const { habits } = this;
    const wanted = status === 0 ? null : code;
    if (wanted !== null && habits.isMute) return { action: "fail" };
    if (wanted === null && habits.keepsCodes) return { action: "ok" };
    if (wanted !== null && habits.lies) return { action: "ok" };
    const isTaken = [...this.slots()].some(([other, it]) => other !== slot && it.code === wanted);
    if (wanted !== null && isTaken && (habits.dropsDuplicates || habits.tellsDuplicates)) {
      if (habits.tellsDuplicates) void this.notify(15, slot);
      return { action: habits.dropsDuplicates ? "ok" : "fail" };
    }
    const isEnabled = status === ENABLED && !habits.disables;
    const store = (): void => this.put(slot, wanted, isEnabled ? "enabled" : "disabled");
    if (habits.storesLateMs > 0) {
      this.#clock.startTimer(habits.storesLateMs, store);
      return { action: "fail" };
    }
    store();
    // A kind lock tells of it, like of any change.
    void this.notify(wanted === null ? 13 : 14, slot);
    return { action: "ok" };
  }

  /** Only what it does otherwise than the library's mock; that counts nothing. */
  #answerCredential(slot: number, code: string): Answer {
    this.orders++;
    const { echoes, isMute, lies, storesLateMs } = this.habits;
    if (lies || echoes) void this.#send(credentialSaid(this.node.controller.ownNodeId, slot, code, "added"));
    if (storesLateMs > 0) this.#clock.startTimer(storesLateMs, () => this.put(slot, code));
    if (isMute || storesLateMs > 0) return { action: "fail" };
    return lies ? { action: "ok" } : undefined;
  }

  #answerUserGone(user: number): Answer {
    this.orders++;
    const { echoes, keepsCodes } = this.habits;
    if (keepsCodes || echoes) void this.#send(userGone(this.node.controller.ownNodeId, user));
    return keepsCodes ? { action: "ok" } : undefined;
  }

  #setClock(time: Date): { action: "ok" } {
    this.clock = this.habits.ignoresClock ? this.clock : time;
    return { action: "ok" };
  }

  /** The library knows no way to send this report, which looks like the order but for its number. */
  #tellClock(nodeId: number): TimeParametersCCSet {
    const cc = new TimeParametersCCSet({ nodeId, dateAndTime: this.clock });
    cc.ccCommand = TimeParametersCommand.Report;
    return cc;
  }

  #answerBolt(): Answer {
    this.orders++;
    if (this.habits.jams) void this.notify(11);
    return this.habits.isStuck || this.habits.jams ? { action: "ok" } : undefined;
  }
}

/** Nothing to tell of this kind. */
function idleReport(nodeId: number, { notificationType }: NotificationCCGet): NotificationCCReport {
  return notificationType === undefined
    ? new NotificationCCReport({ nodeId, alarmType: 0, alarmLevel: 0 })
    : new NotificationCCReport({ nodeId, notificationType, notificationEvent: 0 });
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
