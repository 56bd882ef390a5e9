/** The values used last, up to about so many bytes of them. */
export class LruCache<T> {
  readonly #values = new Map<number | string, T>()
  readonly #most: number
  readonly #sizeOf: (value: T) => number
  #size = 0

  constructor(most: number, sizeOf: (value: T) => number) {
    this.#most = most
    this.#sizeOf = sizeOf
  }

  get(key: number | string): T | undefined {
    const value = this.#values.get(key)
    if (value === undefined) return undefined
    this.#values.delete(key)
    this.#values.set(key, value)
    return value
  }

  set(key: number | string, value: T): T {
    this.delete(key)
    this.#values.set(key, value)
    this.#size += this.#sizeOf(value)
    for (const oldest of this.#values.keys()) {
      if (this.#size <= this.#most || oldest === key) break
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
