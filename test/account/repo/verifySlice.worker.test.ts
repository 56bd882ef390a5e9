import type { Cid } from '@atproto/lex-data'
import { describe, expect, it } from 'vitest'
import { verifySlice } from '../../../src/account/repo/verifySlice.ts'
import { inAccount, post, type TestAccount } from '../support/account.ts'

const RECORDS = 300

const filled = async ({ repo }: TestAccount): Promise<void> => {
  await repo.create()
  for (let from = 0; from < RECORDS; from += 150)
    await repo.commit(Array.from({ length: 150 }, (_, i) => post(`r${1000 + from + i}`, `text ${from + i}`)))
}

/** Verifies the whole tree, a slice after the other; gives how many records each had. */
const slices = (account: TestAccount, blocks: number, read = (cid: Cid) => account.blocks.read(cid)) => {
  const sizes: number[] = []
  let bytes = 0
  for (let after: string | undefined = ''; after !== undefined;) {
    const { data } = account.repo.requireHead()
    const slice = verifySlice(data, read, { after, limits: { blocks, bytes: 1e6 } })
    sizes.push(slice.records)
    bytes += slice.bytes
    after = slice.next
  }
  return { sizes, bytes, records: sizes.reduce((sum, size) => sum + size, 0) }
}

describe('verifySlice', () => {
  it.each([1, 2, 7, 50, 1000])('verifies every record once, in slices of %i blocks', (blocks) =>
    inAccount(async (account) => {
      await filled(account)
      const { sizes, records } = slices(account, blocks)
      expect(records).toBe(RECORDS)
      expect(Math.min(...sizes.slice(0, -1), 1)).toBeGreaterThan(0)
    }),
  )

  it('reads in one go no more than the tree has, and in slices only the nodes above each again', () =>
    inAccount(async (account) => {
      await filled(account)
      const whole = slices(account, 10_000)
      expect(whole.sizes).toEqual([RECORDS])
      expect(slices(account, 50).bytes).toBeLessThan(2 * whole.bytes)
    }))

  it('goes on in a tree that changed in between', () =>
    inAccount(async (account) => {
      await filled(account)
      const limits = { blocks: 50, bytes: 1e6 }
      const read = (cid: Cid) => account.blocks.read(cid)
      const first = verifySlice(account.repo.requireHead().data, read, { after: '', limits })
      await account.repo.commit([post('r0', 'before'), post('r9', 'at the end')])
      let { records, next } = first
      while (next !== undefined) {
        const slice = verifySlice(account.repo.requireHead().data, read, { after: next, limits })
        records += slice.records
        next = slice.next
      }
      expect(records).toBe(RECORDS + 1)
    }))

  it('finds each block that is missing or has other bytes, wherever it is', () =>
    inAccount(async (account) => {
      await filled(account)
      const cids: Cid[] = []
      const read = (cid: Cid) => {
        cids.push(cid)
        return account.blocks.read(cid)
      }
      slices(account, 10_000, read)
      for (const bad of cids.filter((_, i) => i % 20 === 0)) {
        const lost = (cid: Cid) => (cid.equals(bad) ? undefined : account.blocks.read(cid))
        expect(() => slices(account, 40, lost)).toThrow(/is missing/)
        const changed = (cid: Cid) => {
          const bytes = account.blocks.read(cid)?.slice()
          if (bytes && cid.equals(bad)) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
          return bytes
        }
        expect(() => slices(account, 40, changed)).toThrow(/another hash/)
      }
    }))
})
