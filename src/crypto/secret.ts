const MASK = '[secret]'

/**
 * A value that must not be shown: printing, JSON and inspection give `[secret]`.
 * `reveal` is called by `crypto/`, by the session tokens for their own secret, and by what writes the owner's key
 * files.
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
