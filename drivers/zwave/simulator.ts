import { SerialAPIParser, ZWaveSerialFrameType } from "@zwave-js/serial";
import { createAndOpenMockedZWaveSerialPort, type MockPort } from "@zwave-js/serial/mock";
import {
  AddNodeToNetworkRequest,
  AddNodeType,
  ApplicationUpdateRequest,
  ApplicationUpdateTypes,
  RemoveNodeFromNetworkRequest,
  RemoveNodeFromNetworkRequestStatusReport,
  RemoveNodeStatus,
  RemoveNodeType,
} from "@zwave-js/serial/serialapi";
import { type UserCredentialCapability, UserCredentialType } from "@zwave-js/cc";
import { CommandClasses, generateECDHKeyPair, nwiHomeIdFromDSK, SecurityClass } from "@zwave-js/core";
import { Bytes } from "@zwave-js/shared";
import { MockController, MockNode, type MockNodeOptions } from "@zwave-js/testing";
import { createDefaultMockControllerBehaviors, createDefaultMockNodeBehaviors } from "zwave-js/Testing";
import type { Clock } from "#src/lib/deadline";
import { fromHex } from "#src/lib/hex";
import { SIMULATED_KEYS } from "./simulator-keys.js";
import { hideThemselves, sayKeyAgain } from "./simulator-join.js";
import { type LabelSettings, qrCodeOf } from "./simulator-label.js";
import { SimulatedLock } from "./simulator-lock.js";

export { SIMULATED_KEYS } from "./simulator-keys.js";

const SLOTS = 10;

export interface SimulatedLockSettings {
  /** 2 to 232. */
  readonly nodeId: number;
  /** v1: User Code 1, unsupervised; v2: User Code 2 with supervision; credentials: User Credential 1. */
  readonly kind: SimulatedLock["kind"];
  readonly slots?: number;
  /** Encrypted with S2, as real locks are; costs some time in every exchange. */
  readonly isSecure?: boolean;
  /** Encrypted with S0, as locks were before S2. */
  readonly isOldSecure?: boolean;
  /** Knows S2 and asks for the key of S0 only, as where somebody stands in between. */
  readonly isDowngraded?: boolean;
  /** A Schlage lock: all its codes have this length (parameter 16). */
  readonly fixedLength?: number;
  /** Windows per slot from one date to another. */
  readonly yearDaySlots?: number;
  /** Has the old Lock class and not Door Lock. */
  readonly hasOldBolt?: boolean;
  /** Speaks alarms of version 1 instead of notifications. */
  readonly hasAlarmsOnly?: boolean;
  /** Takes letters besides digits (version 2). */
  readonly hasLetters?: boolean;
  /** Has the User Credential class besides, and says that it holds no users there. */
  readonly hasEmptyCredentials?: boolean;
  /** A model that the library's database knows; else a maker that nobody knows. */
  readonly fingerprint?: {
    readonly manufacturerId: number;
    readonly productType: number;
    readonly productId: number;
  };
}

/**
 * A Z-Wave stick with locks, at the far end of a serial line: the mock controller and nodes of zwave-js itself, so one
 * misreading there would be shared by both ends.
 */
export class ZWaveSimulator {
  readonly controller: MockController;
  readonly locks = new Map<number, SimulatedLock>();
  /** The stick hangs: it hears nothing and says nothing. */
  isSilent = false;
  /** Node that is excluded by the next exclusion, as if somebody pressed its button. */
  leaving: number | null = null;
  /** Lock with a label whose request to join was heard. */
  #joining: MockController["nodePendingInclusion"];
  readonly #port: MockPort;
  readonly #clock: Clock;
  readonly #parser: WritableStreamDefaultWriter<Uint8Array>;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();

  static async create(clock: Clock, locks: readonly SimulatedLockSettings[]): Promise<ZWaveSimulator> {
    const { port, serial } = await createAndOpenMockedZWaveSerialPort();
    const controller = await MockController.create({
      homeId: 0x7e57_0001,
      ownNodeId: 1,
      mockPort: port,
      serial,
      securityKeys: Object.fromEntries(
        Object.entries(SIMULATED_KEYS).map(([name, key]) => [name, fromHex(key)]),
      ),
    });
    controller.defineBehavior(...createDefaultMockControllerBehaviors());
    const { sink, source } = await port.factory()();
    const simulator = new ZWaveSimulator(clock, controller, port, sink as Sink);
    void new ReadableStream(source as Source)
      .pipeTo(new WritableStream({ write: (bytes: Uint8Array) => simulator.#say(bytes) }))
      .catch(() => undefined);
    for (const settings of locks) await simulator.add(settings);
    return simulator;
  }

  private constructor(clock: Clock, controller: MockController, port: MockPort, sink: Sink) {
    this.#clock = clock;
    this.controller = controller;
    this.#port = port;
    controller.defineBehavior({
      onHostMessage: async (_, message) => this.#smartStart(message) ?? (await this.#exclude(message)),
    });
    controller.defineBehavior(
      hideThemselves((nodeId) => this.locks.get(nodeId)?.habits.hidesItself === true),
    );
    endureSilence(controller);
    // The mock wants whole frames, and a line has none.
    const parser = new SerialAPIParser();
    this.#parser = parser.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
    const writer = new WritableStream(sink).getWriter();
    const frames = new WritableStream({
      write: async (frame: { type: ZWaveSerialFrameType; data: unknown }) => {
        if (frame.type !== ZWaveSerialFrameType.SerialAPI) return;
        const { data } = frame;
        await writer.write(typeof data === "number" ? Uint8Array.of(data) : (data as Uint8Array));
      },
    });
    void (parser.readable as ReadableStream).pipeTo(frames).catch(() => undefined);
  }

  receive(bytes: Uint8Array): void {
    if (this.isSilent) return;
    void this.#parser.write(Uint8Array.from(bytes)).catch(() => undefined);
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  lock(nodeId: number): SimulatedLock {
    const lock = this.locks.get(nodeId);
    if (lock === undefined) throw new Error(`no lock has node ${nodeId}`);
    return lock;
  }

  /** Puts a lock into the network, as if it had been included before. */
  async add(settings: SimulatedLockSettings): Promise<SimulatedLock> {
    const node = await MockNode.create({ controller: this.controller, ...nodeOptions(settings) });
    this.controller.addNode(node);
    node.defineBehavior(...createDefaultMockNodeBehaviors());
    return this.#adopt(node, settings);
  }

  /** The lock joins at the next inclusion; the first five digits of its label are answered. */
  offer(settings: SimulatedLockSettings): Promise<{ readonly pin: string }> {
    return new Promise((resolve) => {
      this.controller.nodePendingInclusion = {
        ...nodeOptions(settings),
        setup: (node) => {
          this.#adopt(node, settings);
          resolve({ pin: pinOf(node) });
        },
      };
    });
  }

  /** A lock with a SmartStart label. Given power it asks to join, and is taken in if its code was entered before. */
  async labelled(settings: SimulatedLockSettings, label: LabelSettings = {}): Promise<LabelledLock> {
    const keys = await generateECDHKeyPair();
    const dsk = keys.publicKey.slice(0, 16);
    return {
      qrCode: qrCodeOf(dsk, label),
      askToJoin: async () => {
        this.#joining = {
          ...nodeOptions(settings),
          setup: (node) => {
            node.ecdhKeyPair = keys;
            this.#adopt(node, settings);
          },
        };
        const request = new ApplicationUpdateRequest({
          updateType: ApplicationUpdateTypes.SmartStart_HomeId_Received,
        });
        // Nodes that ask have no number; its reception; home id; device class; no command classes.
        request.payload = Bytes.from([0, 0, ...nwiHomeIdFromDSK(dsk), 0, 4, 0x40, 0x03]);
        await this.controller.sendMessageToHost(request);
      },
    };
  }

  close(): void {
    this.controller.destroy();
    this.#port.destroy();
  }

  #adopt(node: MockNode, settings: SimulatedLockSettings): SimulatedLock {
    const { kind, nodeId, slots = SLOTS, isDowngraded } = settings;
    node.defineBehavior(sayKeyAgain(this.#clock));
    if (isDowngraded === true) node.capabilities.securityClasses = new Set([SecurityClass.S0_Legacy]);
    const lock = new SimulatedLock(node, kind, { slots, clock: this.#clock });
    this.locks.set(nodeId, lock);
    return lock;
  }

  #say(bytes: Uint8Array): void {
    if (this.isSilent) return;
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  /** The mock takes "listen for labelled nodes" and "add this one" for "add whoever comes". */
  #smartStart(message: unknown): true | undefined {
    if (!(message instanceof AddNodeToNetworkRequest)) return undefined;
    if (message.addNodeType === AddNodeType.SmartStartListen) return true;
    if (message.addNodeType !== AddNodeType.SmartStartDSK) return undefined;
    this.controller.nodePendingInclusion = this.#joining;
    return undefined;
  }

  async #exclude(message: unknown): Promise<boolean | undefined> {
    const isIdle = (this.controller.state.get("inclusionState") ?? IDLE) === IDLE;
    // The mock takes a stop for a beginning when nothing is under way.
    if (isStop(message) && isIdle) return true;
    const nodeId = this.leaving;
    if (!(message instanceof RemoveNodeFromNetworkRequest) || nodeId === null) return undefined;
    const { callbackId = 0 } = message;
    const { Ready, NodeFound, RemovingSlave, Done } = RemoveNodeStatus;
    const tell = (status: RemovalStatus): Promise<void> =>
      this.controller.sendMessageToHost(
        new RemoveNodeFromNetworkRequestStatusReport(
          status === RemoveNodeStatus.RemovingSlave ? { callbackId, status, nodeId } : { callbackId, status },
        ),
      );
    this.leaving = null;
    for (const status of [Ready, NodeFound, RemovingSlave] as const) await tell(status);
    const node = this.controller.nodes.get(nodeId);
    if (node !== undefined) this.controller.removeNode(node);
    this.locks.delete(nodeId);
    await tell(Done);
    return true;
  }
}

/** A lock in its box: the text of the code on its label, and what it does once it has power. */
export interface LabelledLock {
  readonly qrCode: string;
  askToJoin(): Promise<void>;
}

/** The mock takes a host that is gone, or asks again, for a broken test, and throws where nobody catches it. */
function endureSilence(controller: MockController): void {
  const awaitAck = controller.expectHostACK.bind(controller);
  controller.expectHostACK = (ms, message) => awaitAck(ms, message).catch(() => undefined);
  // Private: there is no other place where what it throws could be caught.
  const inner = controller as unknown as { serialOnData: (data: unknown) => Promise<void> };
  const take = inner.serialOnData.bind(controller);
  inner.serialOnData = (data) =>
    take(data).catch(() => void controller.state.set("communicationState", IDLE));
}

function isStop(message: unknown): boolean {
  if (message instanceof AddNodeToNetworkRequest) return message.addNodeType === AddNodeType.Stop;
  return message instanceof RemoveNodeFromNetworkRequest && message.removeNodeType === RemoveNodeType.Stop;
}

/** Of the mock's states, of communication and of inclusion. */
const IDLE = 0;

/** The first five digits of the label: of the key's first two bytes. The mock's own count from the second. */
function pinOf(node: MockNode): string {
  const { publicKey } = (node as unknown as { ecdhKeyPair: { publicKey: Uint8Array } }).ecdhKeyPair;
  return String(Buffer.from(publicKey).readUInt16BE(0)).padStart(5, "0");
}

type RemovalStatus = Exclude<RemoveNodeStatus, RemoveNodeStatus.RemovingController>;

type Sink = ConstructorParameters<typeof WritableStream<Uint8Array>>[0];
type Source = ConstructorParameters<typeof ReadableStream<Uint8Array>>[0];

/** Silence of the air is nothing a node does: a real one that is away acknowledges nothing. */
function nodeOptions(settings: SimulatedLockSettings): Omit<MockNodeOptions, "controller"> {
  const {
    nodeId,
    kind,
    slots = SLOTS,
    isSecure = false,
    isOldSecure = false,
    fixedLength,
    yearDaySlots = 0,
    hasAlarmsOnly,
  } = settings;
  const secure = isSecure || isOldSecure;
  const commandClasses: NonNullable<NonNullable<MockNodeOptions["capabilities"]>["commandClasses"]> = [
    CommandClasses.Version,
    CommandClasses["Manufacturer Specific"],
    settings.hasOldBolt === true
      ? { ccId: CommandClasses.Lock, version: 1, secure }
      : { ccId: CommandClasses["Door Lock"], version: 4, secure },
    { ccId: CommandClasses.Battery, version: 1, secure },
    hasAlarmsOnly === true
      ? { ccId: CommandClasses.Notification, version: 1, secure }
      : {
          ccId: CommandClasses.Notification,
          version: 8,
          secure,
          supportsV1Alarm: false,
          notificationTypesAndEvents: EVENTS,
        },
  ];
  if (isSecure) commandClasses.push(CommandClasses["Security 2"]);
  if (isOldSecure) commandClasses.push(CommandClasses.Security);
  if (kind === "v1")
    commandClasses.push({ ccId: CommandClasses["User Code"], version: 1, secure, numUsers: slots });
  else commandClasses.push({ ccId: CommandClasses.Supervision, version: 1, secure });
  if (kind === "v2") {
    const characters = settings.hasLetters === true ? "0123456789abcdef" : "0123456789";
    const codes = { numUsers: slots, supportedASCIIChars: characters };
    commandClasses.push({ ccId: CommandClasses["User Code"], version: 2, secure, ...codes });
  }
  if (settings.hasEmptyCredentials === true)
    commandClasses.push({
      ccId: CommandClasses["User Credential"],
      version: 1,
      secure,
      numberOfSupportedUsers: 0,
      supportedCredentialTypes: new Map(),
    });
  if (kind === "credentials") {
    const pins = {
      numberOfCredentialSlots: slots,
      minCredentialLength: 4,
      maxCredentialLength: 8,
      maxCredentialHashLength: 0,
      supportsCredentialLearn: false as const,
    };
    commandClasses.push({
      ccId: CommandClasses["User Credential"],
      version: 1,
      secure,
      numberOfSupportedUsers: slots,
      supportedCredentialTypes: new Map<UserCredentialType, UserCredentialCapability>([
        [UserCredentialType.PINCode, pins],
      ]),
    });
  }
  if (fixedLength !== undefined) {
    const parameter = { "#": 16, valueSize: 1, defaultValue: fixedLength, minValue: 4, maxValue: 8 };
    commandClasses.push({ ccId: CommandClasses.Configuration, version: 1, secure, parameters: [parameter] });
  }
  if (yearDaySlots > 0) {
    commandClasses.push(
      {
        ccId: CommandClasses["Schedule Entry Lock"],
        version: 3,
        secure,
        numYearDaySlots: yearDaySlots,
        numWeekDaySlots: 0,
      },
      { ccId: CommandClasses["Time Parameters"], version: 1, secure },
    );
  }
  return {
    id: nodeId,
    capabilities: {
      // The radio costs nothing here.
      txDelay: 1,
      isListening: false,
      isFrequentListening: "1000ms",
      supportsBeaming: true,
      genericDeviceClass: 0x40,
      specificDeviceClass: 0x03,
      // Numbers of a maker that the library's database does not know, but for the lengths of Schlage.
      manufacturerId: fixedLength === undefined ? 0xfff0 : 0x3b,
      productType: 0xfff0,
      productId: 0xfff0,
      ...settings.fingerprint,
      ...(isSecure && { securityClasses: new Set([SecurityClass.S2_AccessControl]) }),
      ...(isOldSecure && { securityClasses: new Set([SecurityClass.S0_Legacy]) }),
      commandClasses,
    },
  };
}

const EVENTS = {
  6: [1, 2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15, 16, 18, 19, 22, 23, 47, 48],
  7: [3, 4],
  8: [10, 11],
};
