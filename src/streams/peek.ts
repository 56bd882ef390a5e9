import type { Chunks } from './chunks.ts'

/** Reads the first `length` bytes, or all if there are fewer, and gives a source that still has them. */
export const peek = async (source: Chunks, length: number): Promise<{ head: Uint8Array; whole: Chunks }> => {
  let head = new Uint8Array(0)
  while (head.length < length) {
    const chunk = await source.next()
    if (!chunk) break
    const longer = new Uint8Array(head.length + chunk.length)
    longer.set(head)
    longer.set(chunk, head.length)
    head = longer
  }
  let first: Uint8Array | undefined = head.length > 0 ? head : undefined
  return {
    head: head.subarray(0, length),
    whole: {
      next: async () => {
        const chunk = first ?? (await source.next())
        first = undefined
        return chunk
      },
      cancel: (reason) => source.cancel(reason),
    },
  }
}
