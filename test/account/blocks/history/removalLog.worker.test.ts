/** The log of removed blocks, and of when they were in the tree. */
import { describe, expect, it } from 'vitest'
import {
  type BlockLifetime,
  encodeLifetimes,
  LIFETIME_BYTES,
} from '../../../../src/account/blocks/history/blockLifetime.ts'
import { RemovalLog } from '../../../../src/account/blocks/history/removalLog.ts'
import { CID_LENGTH } from '../../../../src/repo/cidBytes.ts'
import { nextTid } from '../../../../src/repo/tid.ts'
import { inAccount, seeded } from '../../support/account.ts'

const START = Date.parse('2026-11-22T12:00:00Z')
const revs = Array.from({ length: 400 }, (_, i) => nextTid(START + i * 1000))
const rev = (n: number): string => revs[n] ?? '~'

/** A CID with these first and second 32 bits of its digest; several may have the same first. */
const cidOf = (digest: number, more: number): Uint8Array => {
  const cid = new Uint8Array(CID_LENGTH)
  cid.set([1, 0x71, 0x12, 0x20])
  new DataView(cid.buffer).setUint32(4, digest)
  new DataView(cid.buffer).setUint32(8, more)
  return cid
}

describe('the removal log', () => {
  it('knows of each block whether it was in the tree and was removed later, however often it was removed', () =>
    inAccount(async ({ sql }) => {
      const random = seeded(3)
      const cids = [1, 1, 1, 2, 7, 0xffffffff, 0xffffffff].map((digest, i) => cidOf(digest, i))
      const inTree = new Map<number, number>()
      const removals: { n: number; from: number; until: number }[] = []
      const log = new RemovalLog(sql)
      let list: BlockLifetime[] = []
      for (let step = 1; step < 300; step++) {
        for (let n = 0; n < cids.length; n++) {
          if (random() < 0.6) continue
          const from = inTree.get(n)
          if (from === undefined) inTree.set(n, step)
          else {
            inTree.delete(n)
            removals.push({ n, from, until: step })
            list.push({ cid: cids[n] ?? new Uint8Array(), from: rev(from), until: rev(step) })
          }
        }
        if (random() < 0.2) {
          log.append(step, rev(step), encodeLifetimes(list))
          list = []
        }
      }
      const end = 299
      log.append(300, rev(end), encodeLifetimes(list))
      for (const each of [log, new RemovalLog(sql)])
        for (let step = 0; step <= end; step++)
          for (const [n, cid] of cids.entries()) {
            const wanted = removals.some((each) => each.n === n && each.from <= step && step < each.until)
            expect([step, n, each.has(rev(step), cid, 0)]).toEqual([step, n, wanted])
          }
      expect(log.has(rev(5), cidOf(3, 0), 0)).toBe(false)
      expect(log.has(rev(5), cidOf(1, 99), 0)).toBe(false)
    }))

  it('knows it of blocks that were removed with many revisions and fill several rows', () =>
    inAccount(async ({ sql }) => {
      const log = new RemovalLog(sql)
      // One block is added and removed again and again, among many others.
      const list = Array.from({ length: 50 }, (_, i) => [
        { cid: cidOf(7, 7), from: rev(i * 2), until: rev(i * 2 + 1) },
        ...Array.from({ length: 300 }, (_, n) => ({
          cid: cidOf(n, i),
          from: rev(i),
          until: rev(i * 2 + 1),
        })),
      ]).flat()
      log.append(1, rev(120), encodeLifetimes(list))
      expect(sql.first('SELECT count(*) AS n FROM trail WHERE length(gone) > 0')).toEqual({ n: 4 })
      for (let step = 0; step < 120; step++) {
        expect([step, log.has(rev(step), cidOf(7, 7), 0)]).toEqual([step, step < 100 && step % 2 === 0])
        expect([step, log.has(rev(step), cidOf(9, 40), 0)]).toEqual([step, step >= 40 && step < 81])
      }
    }))

  it('forgets the oldest lifetimes when it has become large, and never the revision that it goes up to', () =>
    inAccount(async ({ sql }) => {
      const log = new RemovalLog(sql)
      const many = Math.floor(1_900_000 / LIFETIME_BYTES)
      for (let n = 1; n <= 12; n++) {
        const removed = Array.from({ length: many }, (_, i) => ({
          cid: cidOf(i, n),
          from: rev(n - 1),
          until: rev(n),
        }))
        log.append(n, rev(n), encodeLifetimes(removed))
        expect(log.end).toMatchObject({ n, ends: rev(n) })
      }
      const { size } = sql.first<{ size: number }>('SELECT total(length(gone)) AS size FROM trail') ?? {}
      expect(size).toBeLessThanOrEqual(16 * 1024 * 1024)
      expect(size).toBeGreaterThan(14 * 1024 * 1024)
      expect(log.begins).toBe(rev(4))
      for (const n of [5, 8, 12]) {
        expect(log.has(rev(n - 1), cidOf(1234, n), 0)).toBe(true)
        expect(log.has(rev(n), cidOf(1234, n), 0)).toBe(false)
      }
    }))
})
