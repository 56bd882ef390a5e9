/** The most recently used values, up to about `maxSize` in all. The newest is kept whatever its size. */
export class LruCache<T> {
  readonly #values = new Map<number | string, T>()
  readonly #maxSize: number
  readonly #sizeOf: (value: T) => number
  #size = 0

  constructor(maxSize: number, sizeOf: (value: T) => number) {
    this.#maxSize = maxSize
    this.#sizeOf = sizeOf
  }

  get(key: number | string): T | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  /** Returns the value. */
  set(key: number | string, value: T): T {
    this.delete(key)
    this.#values.set(key, value)
    this.#size += this.#sizeOf(value)
    for (const oldest of this.#values.keys()) {
      if (this.#size <= this.#maxSize || oldest === key) break
      this.delete(oldest)
    }
    return value
  }

  delete(key: number | string): void {
    const value = this.#values.get(key)
    if (value === undefined) return
    this.#values.delete(key)
    this.#size -= this.#sizeOf(value)
  }

  clear(): void {
    this.#values.clear()
    this.#size = 0
  }
}
