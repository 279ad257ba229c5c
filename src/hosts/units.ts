import type { Unit } from "#driver-api";
import { type CapabilityName, memberAt, PARTS, partsOf } from "./parts.js";
import type { Peer } from "./peer.js";
import { listenerTold, type UnitTold } from "./told.js";

/** The units of an open device, in the process that it is open in: what is told of them, and calls from the gateway. */
export class Units {
  readonly #peer: Peer;
  readonly #numbers = new Map<Unit, number>();
  /** How to take the listener off, by unit, capability and member. */
  readonly #listening = new Map<string, () => void>();

  #told: readonly Unit[] = [];

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  tell(units: readonly Unit[]): UnitTold[] {
    this.#told = [...units];
    return units.map((unit) => ({
      number: this.#numberOf(unit),
      key: unit.key,
      capabilities: capabilitiesOf(unit).map(([name, capability]) => {
        const there = [...partsOf(name)].flatMap(([path, part]) => {
          const { value } = memberAt(capability, path);
          return value === undefined ? [] : [{ path, part, value }];
        });
        const data = there.filter(({ part }) => part === "data");
        return {
          name,
          members: there.filter(({ part }) => part !== "data").map(({ path }) => path),
          data: Object.fromEntries(data.map(({ path, value }) => [path, value])),
        };
      }),
    }));
  }

  /** These are the units that were told last. */
  areTold(units: readonly Unit[]): boolean {
    return units.length === this.#told.length && units.every((unit, index) => unit === this.#told[index]);
  }

  async call(
    number: number,
    [name = "", member = ""]: readonly string[],
    args: readonly unknown[],
  ): Promise<unknown> {
    const { method, part } = this.#member(number, name, member);
    if (part === "data" || part === "listen") throw new TypeError(`${name}.${member} is not called`);
    return await method(...args);
  }

  /** From here on the gateway hears what this listener is told. */
  listen(args: readonly unknown[]): void {
    const [number, name, member] = listenerTold.parse(args);
    const key = args.join("/");
    const { method, part } = this.#member(number, name, member);
    if (part !== "listen" || this.#listening.has(key)) return;
    const stop = method((...news: unknown[]) =>
      this.#peer.tell("heard", [number, `${name}/${member}`, news]),
    );
    this.#listening.set(key, stop as () => void);
  }

  listenNoMore(args: readonly unknown[]): void {
    const key = args.join("/");
    this.#listening.get(key)?.();
    this.#listening.delete(key);
  }

  #numberOf(unit: Unit): number {
    const number = this.#numbers.get(unit) ?? this.#numbers.size + 1;
    this.#numbers.set(unit, number);
    return number;
  }

  #member(number: number, name: string, path: string) {
    const unit = [...this.#numbers].find(([, candidate]) => candidate === number)?.[0];
    const found =
      unit === undefined ? undefined : capabilitiesOf(unit).find(([candidate]) => candidate === name);
    const part = found === undefined ? undefined : partsOf(found[0]).get(path);
    const { owner, value } = memberAt(found?.[1], path);
    if (part === undefined || typeof value !== "function") throw new TypeError(`there is no ${name}.${path}`);
    // What it is called with was made by the same contract, at the other side.
    return {
      part,
      method: (...args: unknown[]): unknown =>
        Reflect.apply(value as (...all: unknown[]) => unknown, owner, args),
    };
  }
}

function capabilitiesOf(unit: Unit): readonly (readonly [CapabilityName, object])[] {
  const names = Object.keys(PARTS) as CapabilityName[];
  return names.flatMap((name) => {
    const capability = unit[name];
    return capability === undefined ? [] : [[name, capability] as const];
  });
}
