import type { Call, Device, Inclusion, Unit, UnitTrouble } from "#driver-api";
import { type CapabilityName, INCLUSION_PARTS, partsOf } from "./parts.js";
import type { Peer } from "./peer.js";
import type { DeviceTold, UnitTold } from "./told.js";

type Listener = (...news: never[]) => void;

/** A device whose driver is in another process. Whoever uses it does not notice. */
export class HostedDevice implements Device {
  readonly identity: Device["identity"];
  readonly onUnitsChange?: (listener: () => void) => () => void;
  readonly inclusion?: Inclusion;
  readonly #peer: Peer;
  readonly #known = new Map<number, HostedUnit>();
  readonly #changeListeners = new Set<() => void>();
  #units: readonly Unit[] = [];
  #troubles: readonly UnitTrouble[] = [];

  constructor(peer: Peer, { identity, units, troubles, hasChanges, hasInclusion }: DeviceTold) {
    this.#peer = peer;
    this.identity = identity;
    this.#take(units);
    this.#troubles = troubles;
    if (hasChanges) this.onUnitsChange = (listener) => added(this.#changeListeners, listener);
    if (hasInclusion) {
      const calls = Object.keys(INCLUSION_PARTS).map((name) => [
        name,
        (...args: unknown[]) => peer.call(`device/inclusion/${name}`, args, "unknown"),
      ]);
      this.inclusion = Object.fromEntries(calls) as Inclusion;
    }
  }

  get units(): readonly Unit[] {
    return this.#units;
  }

  get troubles(): readonly UnitTrouble[] {
    return this.#troubles;
  }

  async ping(call: Call): Promise<void> {
    await this.#peer.call("device/ping", [call]);
  }

  async close(): Promise<void> {
    await this.#peer.call("device/close", []).catch(() => undefined);
  }

  /** These are the units that can be used from here on. */
  change(units: readonly UnitTold[], troubles: readonly UnitTrouble[]): void {
    this.#take(units);
    this.#troubles = troubles;
    for (const listener of [...this.#changeListeners]) listener();
  }

  /** What a listener of a unit is to hear. */
  deliver(unit: number, listener: string, news: readonly unknown[]): void {
    this.#known.get(unit)?.deliver(listener, news);
  }

  #take(told: readonly UnitTold[]): void {
    this.#units = told.map((unit) => {
      const known = this.#known.get(unit.number);
      if (known !== undefined) {
        known.update(unit);
        return known.unit;
      }
      const made = new HostedUnit(this.#peer, unit);
      this.#known.set(unit.number, made);
      return made.unit;
    });
  }
}

/** One unit, made of what was told about it. */
class HostedUnit {
  readonly unit: Unit;
  readonly #peer: Peer;
  /** By capability and member. */
  readonly #listeners = new Map<string, Set<Listener>>();
  #told: UnitTold;

  constructor(peer: Peer, told: UnitTold) {
    this.#peer = peer;
    this.#told = told;
    const capabilities = told.capabilities.map((capability) => [
      capability.name,
      this.#capability(capability),
    ]);
    this.unit = { key: told.key, ...Object.fromEntries(capabilities) } as Unit;
  }

  update(told: UnitTold): void {
    this.#told = told;
  }

  deliver(listener: string, news: readonly unknown[]): void {
    for (const hear of [...(this.#listeners.get(listener) ?? [])]) hear(...(news as never[]));
  }

  #capability({ name, members, data }: UnitTold["capabilities"][number]): object {
    const capability = {};
    for (const path of Object.keys(data)) {
      const get = () => this.#told.capabilities.find((other) => other.name === name)?.data[path];
      define(capability, path, { get });
    }
    for (const path of members) define(capability, path, { value: this.#method(name, path) });
    return capability;
  }

  #method(name: CapabilityName, path: string): unknown {
    const part = partsOf(name).get(path);
    if (part === "listen") return (listener: Listener) => this.#listen(name, path, listener);
    const to = `unit/${this.#told.number}/${name}/${path}`;
    return (...args: unknown[]) => {
      const answer = this.#peer.call(to, args, part === "act" ? "unknown" : "none");
      return part === "end" ? answer.catch(() => undefined) : answer;
    };
  }

  /** The driver is asked to tell as long as somebody listens. */
  #listen(name: CapabilityName, path: string, listener: Listener): () => void {
    const key = `${name}/${path}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    // The same function may be put on twice: each is taken off by itself.
    const own: Listener = (...news) => listener(...news);
    listeners.add(own);
    if (listeners.size === 1) this.#peer.tell("listen", [this.#told.number, name, path]);
    return () => {
      if (listeners.delete(own) && listeners.size === 0)
        this.#peer.tell("listen no more", [this.#told.number, name, path]);
    };
  }
}

/** `path` is `schedule.write` for a member of a member. */
function define(object: object, path: string, member: PropertyDescriptor): void {
  const [first = "", ...rest] = path.split(".");
  if (rest.length === 0) {
    Object.defineProperty(object, first, { ...member, enumerable: true });
    return;
  }
  const inner: unknown = Reflect.get(object, first) ?? {};
  if (typeof inner !== "object" || inner === null) return;
  Object.defineProperty(object, first, { value: inner, enumerable: true, configurable: true });
  define(inner, rest.join("."), member);
}

function added<T>(set: Set<T>, item: T): () => void {
  set.add(item);
  return () => set.delete(item);
}
