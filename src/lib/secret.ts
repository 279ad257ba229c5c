import { inspect } from "node:util";

const MASK = "[secret]";

/**
 * A value that must never be printed: PINs, card keys, tokens. It travels wrapped from the schema that parses it to
 * the byte that leaves; whatever prints the wrapper (JSON, template strings, `util.inspect`, pino) sees a mask.
 */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Call it only where the value leaves for its purpose. */
  reveal(): T {
    return this.#value;
  }

  map<U>(change: (value: T) => U): Secret<U> {
    return new Secret(change(this.#value));
  }

  toJSON(): string {
    return MASK;
  }

  toString(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}
