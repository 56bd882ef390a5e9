/** Exports of what is new since a revision: exactly what its tree did not have, or a failure. */
import { readCarWithRoot } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { RemovalLog } from '../../../src/account/blocks/history/removalLog.ts'
import { POST, collect, inAccount, post, seeded, unpost } from '../support/account.ts'
import { fill } from '../support/stored.ts'

const LONG = ' and so on'.repeat(100)

const cids = async (stream: ReadableStream<Uint8Array>) => {
  const { blocks } = await readCarWithRoot(await collect(stream))
  return new Set(blocks.cids().map(String))
}

describe('exports', () => {
  it('with since are exactly the blocks that its tree did not have', () =>
    inAccount(async (account) => {
      const random = seeded(11)
      await fill(account, 200)
      const snapshots: { rev: string; all: Set<string> }[] = []
      for (let i = 0; i < 12; i++) {
        snapshots.push({ rev: account.repo.requireHead().rev, all: await cids(account.exports.repo().body) })
        const rkey = `r${Math.floor(random() * 200)}`
        const exists = account.records.cid(`${POST}/${rkey}`) !== undefined
        await account.repo.commit([exists ? unpost(rkey) : post(rkey, 'again')])
        // The tree before has a block that is removed and comes back; the tree in between does not have it.
        if (exists && i % 3 === 0) {
          snapshots.push({
            rev: account.repo.requireHead().rev,
            all: await cids(account.exports.repo().body),
          })
          await account.repo.commit([post(rkey, `text ${rkey.slice(1)}`)])
        }
        if (i === 6) {
          account.clock.now += 25 * 3600_000
          while (account.repack.step().more);
        }
      }
      const now = await cids(account.exports.repo().body)
      for (const { rev, all } of snapshots)
        expect(await cids(account.exports.repo({ since: rev }).body)).toEqual(
          new Set([...now].filter((cid) => !all.has(cid))),
        )
      const latest = account.repo.requireHead()
      expect(await cids(account.exports.repo({ since: latest.rev }).body)).toEqual(
        new Set([latest.root.toString()]),
      )
      expect(() => account.exports.repo({ since: 'yesterday' })).toThrow('since')
    }))

  it('since a revision of long ago are exact, and resumed, until it is no longer known what was removed', () =>
    inAccount(async (account) => {
      const { exports, repo, repack, clock, sql } = account
      await fill(account, 100)
      const since = repo.requireHead().rev
      const back = account.records.cid(`${POST}/r20`)
      await repo.commit([unpost('r20')])
      await repo.commit([post('r20', 'text 20')])
      const { root } = repo.requireHead()
      const known = await collect(exports.repo({ since }).body)
      expect(await cids(exports.repo({ since }).body)).toEqual(new Set([`${root}`]))
      for (let month = 0; month < 3; month++) {
        clock.now += 30 * 24 * 3600_000
        while (repack.step().more);
        clock.now += 3601_000
        while (repack.collect(clock.now - 3600_000).more);
        expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
        const rest = await exports.resume({ root, offset: 1, since })
        expect(rest && Buffer.from(await collect(rest)).equals(known.subarray(1))).toBe(true)
      }
      new RemovalLog(sql).restart(account.blocks.commitLog.last(), repo.requireHead().rev)
      const later = account.restart().exports
      expect(await cids(later.repo({ since }).body)).toContain(`${back}`)
      // It is no longer known which blocks were sent.
      expect(await later.resume({ root, offset: 1, since })).toBeUndefined()
      expect(await later.resume({ root, offset: 1, since: repo.requireHead().rev })).toBeDefined()
    }))

  it('are not resumed where the tree of `since` is forgotten before the offset is reached', () =>
    inAccount(async (account) => {
      const { exports, repo, blocks, platform } = account
      await fill(account, 400, LONG)
      const since = repo.requireHead().rev
      await repo.commit([unpost('r20')])
      await repo.commit([post('r20', `text 20${LONG}`)])
      for (let i = 0; i < 300; i += 100)
        await repo.commit(
          Array.from({ length: 100 }, (_, n) => post(`z${i + n}`, `text ${i + n}${LONG.repeat(4)}`)),
        )
      const { root } = repo.requireHead()
      const car = await collect(exports.repo({ since }).body)
      const sleep = platform.sleep.bind(platform)
      let sleeps = 0
      platform.sleep = (ms) => {
        if (++sleeps === 1) blocks.removalLog.restart(blocks.commitLog.last(), repo.requireHead().rev)
        return sleep(ms)
      }
      expect(await exports.resume({ root, offset: car.length - 10, since })).toBeUndefined()
      expect(sleeps).toBeGreaterThan(0)
    }))

  it('since a revision fail, rather than miss a block, where they were abandoned', async () => {
    for (let pause = 2; pause < 20; pause += 3)
      await inAccount(async (account) => {
        const { repo, clock, exports, repack, sql } = account
        await fill(account, 100)
        clock.now += 48 * 3600_000
        while (repack.step().more);
        while (repack.collect(clock.now + 1).more);
        const some = Array.from({ length: 96 }, (_, i) => i).filter((i) => i % 4 < 2)
        await repo.commit(some.map((i) => unpost(`r${i}`)))
        const since = repo.requireHead().rev
        await repo.commit(some.map((i) => post(`r${i}`, `text ${i}`)))
        await repo.commit(
          some.filter((i) => i % 4 === 0).map((i) => post(`r${i + 2}`, `big ${i}`.repeat(4000))),
        )
        const reader = exports.repo({ since }).body.getReader()
        for (let i = 0; i < pause; i++) expect((await reader.read()).done).toBe(false)
        clock.now += 25 * 3600_000
        while (repack.step().more);
        clock.now += 3601_000
        while (repack.collect(Math.min(clock.now - 3600_000, exports.neededSince() ?? clock.now)).more);
        expect(sql.all('SELECT 1 FROM loose')).toEqual([])
        const rest = async () => {
          while (!(await reader.read()).done);
        }
        await expect(rest()).rejects.toThrow('was left for too long')
      })
  })
})
