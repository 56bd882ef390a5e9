/** What went, and when it had been there: the log of it. */
import { describe, expect, it } from 'vitest'
import { ENTRY, type BlockLifetime, lifetimes, RemovalLog } from '../../../src/account/blocks/removalLog.ts'
import { CID_LENGTH } from '../../../src/repo/cborReader.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { inAccount, seeded } from '../support/account.ts'

const START = Date.parse('2026-11-22T12:00:00Z')
const revs = Array.from({ length: 400 }, (_, i) => nextTid(START + i * 1000))
const rev = (n: number): string => revs[n] ?? '~'

/** A CID whose first 32 bits of the digest are those of others. */
const cidOf = (digest: number, more: number): Uint8Array => {
  const cid = new Uint8Array(CID_LENGTH)
  cid.set([1, 0x71, 0x12, 0x20])
  new DataView(cid.buffer).setUint32(4, digest)
  new DataView(cid.buffer).setUint32(8, more)
  return cid
}

describe('the trail', () => {
  it('tells of each block whether it was there and went later, however often it went', () =>
    inAccount(async ({ sql }) => {
      const random = seeded(3)
      const cids = [1, 1, 1, 2, 7, 0xffffffff, 0xffffffff].map((digest, i) => cidOf(digest, i))
      const here = new Map<number, number>()
      const told: { n: number; from: number; until: number }[] = []
      const trail = new RemovalLog(sql)
      let list: BlockLifetime[] = []
      for (let at = 1; at < 300; at++) {
        for (let n = 0; n < cids.length; n++) {
          if (random() < 0.6) continue
          const from = here.get(n)
          if (from === undefined) here.set(n, at)
          else {
            here.delete(n)
            told.push({ n, from, until: at })
            list.push({ cid: cids[n] ?? new Uint8Array(), from: rev(from), until: rev(at) })
          }
        }
        if (random() < 0.2) {
          trail.append(at, rev(at), lifetimes(list))
          list = []
        }
      }
      const end = 299
      trail.append(300, rev(end), lifetimes(list))
      for (const each of [trail, new RemovalLog(sql)])
        for (let at = 0; at <= end; at++)
          for (const [n, cid] of cids.entries()) {
            const wanted = told.some((stay) => stay.n === n && stay.from <= at && at < stay.until)
            expect([at, n, each.has(rev(at), cid, 0)]).toEqual([at, n, wanted])
          }
      expect(trail.has(rev(5), cidOf(3, 0), 0)).toBe(false)
      expect(trail.has(rev(5), cidOf(1, 99), 0)).toBe(false)
    }))

  it('tells it of what went with many revisions and fills several rows', () =>
    inAccount(async ({ sql }) => {
      const trail = new RemovalLog(sql)
      // One and the same block comes and goes, among many others.
      const list = Array.from({ length: 50 }, (_, i) => [
        { cid: cidOf(7, 7), from: rev(i * 2), until: rev(i * 2 + 1) },
        ...Array.from({ length: 300 }, (_, n) => ({
          cid: cidOf(n, i),
          from: rev(i),
          until: rev(i * 2 + 1),
        })),
      ]).flat()
      trail.append(1, rev(120), lifetimes(list))
      expect(sql.first('SELECT count(*) AS n FROM trail WHERE length(gone) > 0')).toEqual({ n: 4 })
      for (let at = 0; at < 120; at++) {
        expect([at, trail.has(rev(at), cidOf(7, 7), 0)]).toEqual([at, at < 100 && at % 2 === 0])
        expect([at, trail.has(rev(at), cidOf(9, 40), 0)]).toEqual([at, at >= 40 && at < 81])
      }
    }))

  it('forgets what is oldest when it has become large, and never how far it has come', () =>
    inAccount(async ({ sql }) => {
      const trail = new RemovalLog(sql)
      const many = Math.floor(1_900_000 / ENTRY)
      for (let n = 1; n <= 12; n++) {
        const gone = Array.from({ length: many }, (_, i) => ({
          cid: cidOf(i, n),
          from: rev(n - 1),
          until: rev(n),
        }))
        trail.append(n, rev(n), lifetimes(gone))
        expect(trail.end).toMatchObject({ n, ends: rev(n) })
      }
      const { size } = sql.first<{ size: number }>('SELECT total(length(gone)) AS size FROM trail') ?? {}
      expect(size).toBeLessThanOrEqual(16 * 1024 * 1024)
      expect(size).toBeGreaterThan(14 * 1024 * 1024)
      expect(trail.begins).toBe(rev(4))
      for (const n of [5, 8, 12]) {
        expect(trail.has(rev(n - 1), cidOf(1234, n), 0)).toBe(true)
        expect(trail.has(rev(n), cidOf(1234, n), 0)).toBe(false)
      }
    }))
})
