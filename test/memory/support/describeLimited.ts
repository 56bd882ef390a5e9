import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type LimitedCirrus, startLimited } from './wholeRepository.ts'

/** Commits after which a repack is due, whatever the size of the repository. */
const COMMITS_TO_REPACK = 1000

/** Everything that passes a whole repository through memory, with a heap of so many megabytes. Cloudflare has 128 MB. */
export const describeLimited = (records: number, maxHeapMb: number): void => {
  describe(
    `${records.toLocaleString('en-US')} records in a heap of ${maxHeapMb} MB`,
    { timeout: 900_000 },
    () => {
      let limited: LimitedCirrus
      let written = 0
      let crashes = false
      beforeAll(async () => {
        limited = await startLimited(maxHeapMb)
      })
      // If it crashed, another process has taken its place, without a limit.
      afterEach(() => expect(limited.cirrus.hasEnded).toBe(crashes))
      afterAll(async () => limited?.[Symbol.asyncDispose]())

      it('are imported, and imported again', async () => {
        await limited.importRecords(records)
        await limited.importRecords(records)
      })

      it('are exported', async () => {
        expect(await limited.verify(await limited.exportAll())).toBe(records)
      })

      it('are exported four times at once', async () => {
        const [first, ...others] = await Promise.all([1, 2, 3, 4].map(() => limited.exportAll()))
        for (const other of others) expect(first && other.equals(first)).toBe(true)
      })

      it('are exported while the owner writes: one commit, whole', async () => {
        const begun = Promise.withResolvers<void>()
        const exporting = limited.exportAll(begun.resolve)
        const ended = exporting.then(() => true)
        await begun.promise
        const before = written
        do await limited.write(written++)
        while (!(await Promise.race([ended, setTimeout(0, false)])))
        const found = await limited.verify(await exporting)
        expect(found).toBeGreaterThanOrEqual(records + before)
        expect(found).toBeLessThanOrEqual(records + written)
      })

      it('are packed again after a thousand commits, while they are exported', async () => {
        const pack = await limited.pack()
        const writers = Array.from({ length: 4 }, async () => {
          while (written < COMMITS_TO_REPACK + 100) await limited.write(written++)
        })
        await Promise.all(writers)
        while ((await limited.pack()) === pack) {
          await limited.exportAll()
          await setTimeout(500)
        }
        expect(await limited.verify(await limited.exportAll())).toBe(records + written)
      })

      it('pass the check', async () => {
        expect(await limited.check()).toEqual([])
      })

      it('take less than the 128 MB of an object in all, with what is not in the heap', async () => {
        expect((await limited.peakAboveIdle()) / 2 ** 20).toBeLessThan(128)
      })

      it('would crash with a larger heap', async () => {
        crashes = true
        await expect(limited.fillHeap(maxHeapMb + 16)).rejects.toThrow()
        await expect.poll(() => limited.cirrus.hasEnded, { timeout: 30_000 }).toBe(true)
      })
    },
  )
}
