const MASK = '[secret]'

/**
 * A value that must not be seen: printing, JSON and inspection show `[secret]`.
 * Only `crypto/` and the code that writes the owner's own key file call `reveal`.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return MASK
  }

  toJSON(): string {
    return MASK
  }

  [Symbol.toPrimitive](): string {
    return MASK
  }

  /** What `console.log` and `util.inspect` print, in Node and in workerd. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK
  }
}
