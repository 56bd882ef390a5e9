/** What has to be closed again, in reverse order. */
export interface Cleanup {
  /** Registers something that was started. After `close()`, this closes it at once and throws. */
  add(undo: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

export const createCleanup = (): Cleanup => {
  const undos: (() => Promise<void>)[] = []
  let closing: Promise<void> | undefined
  // If one fails, the others are still closed.
  const run = (undo: () => Promise<void>) => undo().catch(() => undefined)
  return {
    add: async (undo) => {
      if (!closing) return void undos.push(undo)
      await run(undo)
      throw new Error('stopped')
    },
    close: () =>
      (closing ??= (async () => {
        for (const undo of undos.toReversed()) await run(undo)
      })()),
  }
}
