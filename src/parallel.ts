/**
 * Does `work` on each item, at most `limit` at the same time. After the first failure it begins nothing more, waits for
 * what has begun, so that nothing half-written stays behind, and rejects with that failure.
 */
export async function parallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const failures: unknown[] = []
  const worker = async () => {
    try {
      while (failures.length === 0) {
        const next = await iterator.next()
        if (next.done) return
        await work(next.value)
      }
    } catch (cause) {
      failures.push(cause)
    }
  }
  await Promise.all(Array.from({ length: limit }, worker))
  if (failures.length > 0) throw failures[0]
}
