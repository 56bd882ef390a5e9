/** What has to be closed again, the latest first. */
export interface Cleanup {
  /** Takes on something that was started. After `close()` it is closed at once, and this throws. */
  add(undo: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

export const createCleanup = (): Cleanup => {
  const undos: (() => Promise<void>)[] = []
  let closing: Promise<void> | undefined
  // One that fails must not keep the others from being tried.
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
