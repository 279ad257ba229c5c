import type { InclusionResult, InclusionUserCallbacks, SecurityBootstrapFailure, ZWaveNode } from "zwave-js";
import {
  type Call,
  DriverError,
  type Effect,
  type IncludedUnit,
  type Inclusion,
  type InclusionTalk,
  type InclusionWish,
} from "#driver-api";
import { driverError } from "./failure.js";
import type { Library } from "./library.js";
import { type LockNode, unitKey } from "./lock.js";
import type { Network } from "./network.js";

/** A lock is asked what it is and for all its codes: minutes with a slow one that has many slots. */
const INTERVIEW_MS = 10 * 60_000;
/** A node that was included as something else than a lock says so soon after its interview. */
const LOCK_LOOK_MS = 500;
/** The library tells that it stopped, and then which node is gone. */
const REMOVAL_MS = 1_000;
const S2_ACCESS_CONTROL = 2;
const SECURITY_NAMES = new Map([
  [S2_ACCESS_CONTROL, "S2 Access Control"],
  [7, "S0"],
]);
const UNREAD =
  "the lock joined and does not answer what it is asked; wake it at its keypad, and bring the stick nearer";
const AGAIN =
  "exclude it with `lockbridge locks exclude`, then include it again within two metres of the stick";

/** Bringing locks in and out, with a person at the lock. */
export function createInclusion(library: Library, network: Network): Inclusion {
  return {
    include: (wish, talk, call) => new Including(library, network, talk, call).run(wish),
    exclude: (call) => exclude(library, network, call),
  };
}

class Including {
  readonly #library: Library;
  readonly #network: Network;
  readonly #talk: InclusionTalk;
  readonly #signal: AbortSignal;
  /** From the moment a lock joined. */
  #effect: Effect = "none";
  /** Why it was not secured. */
  #failure: SecurityBootstrapFailure | null = null;

  constructor(library: Library, network: Network, talk: InclusionTalk, { signal }: Call) {
    this.#library = library;
    this.#network = network;
    this.#talk = talk;
    this.#signal = signal;
  }

  async run({ qrCode }: InclusionWish): Promise<IncludedUnit> {
    this.#network.assertGoing();
    if (this.#signal.aborted) throw this.#cancelled();
    const { controller } = this.#network;
    const dsk = qrCode === undefined ? null : await this.#provision(qrCode.reveal());
    const stops: (() => void)[] = [];
    try {
      const added = new Promise<ZWaveNode>((resolve) => {
        const onAdded = (node: ZWaveNode, result: InclusionResult): void => {
          this.#effect = "unknown";
          this.#failure = result.lowSecurity === true ? result.lowSecurityReason : null;
          resolve(node);
        };
        controller.on("node added", onAdded);
        stops.push(() => controller.off("node added", onAdded));
      });
      const found = (): void => this.#talk.step("securing");
      controller.on("node found", found);
      stops.push(() => controller.off("node found", found));
      if (dsk === null) await this.#begin();
      this.#talk.step("waiting_for_lock");
      const node = await this.#unlessStopped(added);
      this.#talk.step("interviewing");
      return await this.#unlessStopped(this.#accept(node));
    } finally {
      for (const stop of stops) stop();
      // A lock that joined needs its entry no more, and none that did not shall join later unseen.
      if (dsk !== null) controller.unprovisionSmartStartNode(dsk);
      else await controller.stopInclusion().catch(() => false);
    }
  }

  /** What could never join is refused at once: nobody would tell a person who waits for it. */
  async #provision(text: string): Promise<string> {
    const { parseQRCodeString, Protocols, QRCodeVersion } = this.#library;
    // The error would hold the code.
    const code = await parseQRCodeString(text).catch(() => null);
    if (code === null) throw this.#refused("that is no SmartStart QR code of a Z-Wave device");
    if (code.version !== QRCodeVersion.SmartStart)
      throw this.#refused(
        "this label is from before SmartStart: include the lock without its QR code, and enter the five digits",
      );
    if (code.supportedProtocols?.includes(Protocols.ZWave) === false)
      throw this.#refused("this lock has Z-Wave Long Range only, which the gateway does not speak");
    const wanted = code.requestedSecurityClasses.filter((it) => [S2_ACCESS_CONTROL].includes(it));
    if (wanted.length === 0)
      throw this.#refused("this label asks for no S2 Access Control, so it is not that of a lock");
    try {
      this.#network.controller.provisionSmartStartNode({
        ...code,
        protocol: Protocols.ZWave,
        securityClasses: wanted,
      });
    } catch (error) {
      throw driverError(error, "none", "waiting for the lock");
    }
    return code.dsk;
  }

  async #begin(): Promise<void> {
    const { InclusionStrategy } = this.#library;
    const options = { strategy: InclusionStrategy.Default, userCallbacks: this.#callbacks() } as const;
    const isBegun = await this.#network.controller.beginInclusion(options).catch((error: unknown) => {
      throw driverError(error, "none", "including");
    });
    if (isBegun) return;
    throw new DriverError("device.refused", "none", "the stick is busy with another inclusion or exclusion");
  }

  #callbacks(): InclusionUserCallbacks {
    return {
      // Whatever it asks for is granted; what it got is checked at the end.
      grantSecurityClasses: (asked) => Promise.resolve(asked),
      validateDSKAndEnterPIN: async (dsk) => {
        const pin = (await this.#talk.askPin(`-----${dsk}`).catch(() => null))?.reveal() ?? "";
        return /^[0-9]{5}$/.test(pin) ? pin : false;
      },
      abort: () => undefined,
    };
  }

  async #accept(node: ZWaveNode): Promise<IncludedUnit> {
    const security = SECURITY_NAMES.get(node.getHighestSecurityClass() ?? -1);
    const { UserCanceled, S2IncorrectPIN, S0Downgrade } = this.#library.SecurityBootstrapFailure;
    if (security === undefined || this.#failure === S0Downgrade) {
      const words = new Map<SecurityBootstrapFailure, string>([
        [UserCanceled, "no PIN was given for it"],
        [S2IncorrectPIN, "the PIN was wrong"],
        [S0Downgrade, "it knows S2 and took S0, as if somebody stood in between"],
      ]);
      const why =
        (this.#failure === null ? undefined : words.get(this.#failure)) ??
        "it was too far away, or it took too long";
      throw this.#refused(`the lock joined without the security that locks need: ${why}; ${AGAIN}`);
    }
    const lock = await this.#lockOf(node);
    const model = [node.deviceConfig?.manufacturer, node.deviceConfig?.label].filter(Boolean).join(" ");
    return { unit: lock.unit.key, model: model === "" ? `node ${node.id}` : model, security };
  }

  /** Once it was interviewed, which reads every code. */
  async #lockOf(node: ZWaveNode): Promise<LockNode> {
    const { clock } = this.#network;
    const end = clock.monotonic() + INTERVIEW_MS;
    while (clock.monotonic() < end) {
      const lock = this.#network.lockOf(node.id);
      if (lock !== undefined) return lock;
      await new Promise<void>((resolve) => {
        const cancel = clock.startTimer(LOCK_LOOK_MS, done);
        const off = this.#network.onUnitsChange(done);
        this.#signal.addEventListener("abort", done, { once: true });
        const { signal } = { signal: this.#signal };
        function done(): void {
          cancel();
          off();
          signal.removeEventListener("abort", done);
          resolve();
        }
      });
      this.#assertGoing();
      if (this.#network.isUnread(node.id)) throw this.#refused(UNREAD);
      if (node.interviewStage === this.#library.InterviewStage.Complete && !this.#isLock(node))
        throw this.#refused(`what joined is no lock that holds codes; exclude it`);
    }
    throw this.#refused(UNREAD);
  }

  #isLock(node: ZWaveNode): boolean {
    return node.accessControl !== undefined;
  }

  #unlessStopped<T>(work: Promise<T>): Promise<T> {
    work.catch(() => undefined);
    const ends = [this.#signal, this.#network.life];
    return new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        off();
        reject(this.#network.life.aborted ? this.#lost() : this.#cancelled());
      };
      const off = (): void => {
        for (const end of ends) end.removeEventListener("abort", stop);
      };
      for (const end of ends) end.addEventListener("abort", stop, { once: true });
      work.then(resolve, reject).finally(off);
    });
  }

  #assertGoing(): void {
    if (this.#network.life.aborted) throw this.#lost();
    if (this.#signal.aborted) throw this.#cancelled();
  }

  #refused(message: string): DriverError {
    return new DriverError("device.refused", this.#effect, message);
  }

  #lost(): DriverError {
    return new DriverError("device.lost", this.#effect, "the Z-Wave stick is gone");
  }

  #cancelled(): DriverError {
    return new DriverError("call.cancelled", this.#effect, "including was cancelled");
  }
}

async function exclude(library: Library, network: Network, { signal }: Call): Promise<string | null> {
  network.assertGoing();
  if (signal.aborted) throw new DriverError("call.cancelled", "none", "excluding was cancelled");
  const { controller } = network;
  const own = new Set([...controller.nodes.keys()]);
  const stops: (() => void)[] = [];
  try {
    const gone = new Promise<string | null>((resolve, reject) => {
      const onRemoved = ({ id }: ZWaveNode): void => resolve(own.has(id) ? unitKey(id) : null);
      controller.on("node removed", onRemoved);
      // A node of another network was reset: the stick stops, and removes none of its own. Of its own it tells after that.
      const onStopped = (): void => {
        stops.push(network.clock.startTimer(REMOVAL_MS, () => resolve(null)));
      };
      controller.on("exclusion stopped", onStopped);
      stops.push(
        () => controller.off("node removed", onRemoved),
        () => controller.off("exclusion stopped", onStopped),
      );
      for (const [end, code] of [
        [signal, "call.cancelled"],
        [network.life, "device.lost"],
      ] as const) {
        const stop = (): void => reject(new DriverError(code, "unknown", "excluding was stopped"));
        end.addEventListener("abort", stop, { once: true });
        stops.push(() => end.removeEventListener("abort", stop));
      }
    });
    gone.catch(() => undefined);
    const strategy = library.ExclusionStrategy.Unprovision;
    const isBegun = await controller.beginExclusion({ strategy }).catch((error: unknown) => {
      throw driverError(error, "none", "excluding");
    });
    if (!isBegun)
      throw new DriverError(
        "device.refused",
        "none",
        "the stick is busy with another inclusion or exclusion",
      );
    return await gone;
  } finally {
    for (const stop of stops) stop();
    await controller.stopExclusion().catch(() => false);
  }
}
