/** Stored blocks: commit rows, and what is kept while an export reads. */

import { parseCid } from '@atproto/lex-data'
import { describe, expect, it, vi } from 'vitest'
import { stream, POST, collect, inAccount, post, unpost } from '../support/account.ts'
import { cids, exported, fill, missingFrom, pack, problems, collectAll } from '../support/stored.ts'

const MINUTE = 60_000

describe('commit rows', () => {
  it('are read in pages that fit into memory', () =>
    inAccount(async (account) => {
      const { repo } = account
      await repo.create()
      for (let i = 0; i < 24; i++) await repo.commit([post(`r${i}`, `${i} `.repeat(300_000))])
      const again = account.restart()
      const { all } = again.sql
      let most = 0
      vi.spyOn(again.sql, 'all').mockImplementation((query, ...params) => {
        const rows = all.call(again.sql, query, ...params)
        const sizes = rows
          .flatMap(Object.values)
          .map((value) => (value instanceof ArrayBuffer ? value.byteLength : 0))
        most = Math.max(
          most,
          sizes.reduce((sum, size) => sum + size, 0),
        )
        return rows as never
      })
      expect(again.records.get(POST, 'r23')).toBeDefined()
      expect(most).toBeLessThan(4_000_000)
      vi.restoreAllMocks()
      expect(await problems(again)).toEqual([])
    }))

  it('are read no more often where a block is dropped and added again and again', () =>
    inAccount(async (account) => {
      const { repo } = account
      await fill(account, 30)
      for (let i = 0; i < 200; i++) await repo.commit([post('r1', i % 2 ? 'there' : 'and back')])
      const again = account.restart()
      expect(again.blocks.read(again.repo.requireHead().root)).toBeDefined()
      const first = vi.spyOn(again.sql, 'first')
      expect(again.records.get(POST, 'r1')).toBeDefined()
      expect(first.mock.calls.length).toBeLessThan(20)
      first.mockClear()
      // Nor to tell whether it is in the tree.
      const cids = [...again.records.entries()].map(({ cid }) => cid)
      expect(again.exports.missing(cids)).toEqual([])
      expect(first.mock.calls.filter(([query]) => query.includes('dropped'))).toEqual([])
      first.mockRestore()
      await repo.commit([unpost('r1')])
      const [gone] = cids.filter(
        (cid) => ![...again.records.entries()].some((entry) => entry.cid.equals(cid)),
      )
      expect(gone && again.exports.missing([gone])).toEqual([gone])
    }))

  it('are packed when they are many bytes, and less often while old packs cannot be deleted', () =>
    inAccount(async (account) => {
      const { repo, repack, exports, blocks, sql } = account
      await repo.create()
      for (let i = 10; i < 80; i++) await repo.commit([post(`r${i % 3}`, `${i} `.repeat(330_000))])
      expect(repack.isDue).toBe(true)
      while (repack.step().more);
      expect(repack.isDue).toBe(false)
      collectAll(account)
      const reader = exports.repo().body.getReader()
      const rows = [260, 260, 260]
      for (const count of rows) {
        for (let i = 0; i < count; i++) await repo.commit([post('one', `${i} of ${count}`)])
        while (repack.step().more);
      }
      // The export needs the first pack; the third waits until there are twice as many rows.
      expect(blocks.packs.all()).toHaveLength(3)
      await reader.cancel()
      collectAll(account)
      expect(sql.all('SELECT id FROM pack')).toHaveLength(1)
      expect(await problems(account)).toEqual([])
    }))
})

describe('getBlocks', () => {
  it('does not find a CID that has no digest, packed or not', () =>
    inAccount(async (account) => {
      const odd = parseCid('bafkqaaa')
      await fill(account, 3)
      expect(account.exports.missing([odd])).toEqual([odd])
      await account.repo.commit([unpost('r1')])
      pack(account)
      expect(account.exports.missing([odd])).toEqual([odd])
    }))
})

describe('an import', () => {
  it('waits for a commit that is being signed when its first blocks are received', async () => {
    const source = await inAccount(async (account) => {
      await fill(account, 40)
      return { car: await collect(account.exports.repo().body), key: account.key }
    })
    await inAccount(async (account) => {
      const { repo, imports, key } = account
      await fill(account, 10)
      const sign = key.sign.bind(key)
      vi.spyOn(key, 'sign').mockImplementationOnce(async (bytes) => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        return sign(bytes)
      })
      const committing = repo.commit([post('mine', 'meanwhile')])
      const imported = await imports.car(stream(source.car), { signingKey: source.key.did() })
      expect((await committing).commit).toBeDefined()
      expect(imported.records).toBe(40)
      expect(await problems(account)).toEqual([])
    })
  })
})

describe('a running export', () => {
  it('does not keep blocks for ever, however slowly it is read', () =>
    inAccount(async (account) => {
      const { exports, clock } = account
      await fill(account, 2000, ' and so on'.repeat(400))
      const reader = exports.repo().body.getReader()
      for (let read = 0; read < 60; read++) {
        expect((await reader.read()).done).toBe(false)
        clock.now += 50 * MINUTE
      }
      expect(exports.neededSince()).toBeUndefined()
      await expect(reader.read()).rejects.toThrow('it was left for too long')
    }))

  it('keeps what its own commit needs, also where it is resumed after another pack', () =>
    inAccount(async (account) => {
      const { exports, repo, clock, repack } = account
      await fill(account, 1000, ' and so on'.repeat(400))
      const { root } = repo.requireHead()
      const whole = await collect(exports.repo().body)
      await repo.commit(Array.from({ length: 200 }, (_, i) => unpost(`r${900 - i}`)))
      account.sql.run('UPDATE loose SET at = 0')
      while (repack.step().more);
      clock.now += 30 * MINUTE
      const body = await exports.resume({ root, offset: 100_000 })
      if (!body) throw new Error('not kept any more')
      const reader = body.getReader()
      const parts = [whole.subarray(0, 100_000)]
      for (let read = 0; ; read++) {
        const { done, value } = await reader.read()
        if (done) break
        parts.push(value)
        if (read > 5) continue
        clock.now += 20 * MINUTE
        while (repack.collect(Math.min(clock.now - 60 * MINUTE, exports.neededSince() ?? clock.now)).more);
      }
      expect(Buffer.concat(parts).equals(whole)).toBe(true)
      expect(exports.neededSince()).toBeUndefined()
    }))

  it('keeps what its `since` is known by, and fails where it was left for too long', () =>
    inAccount(async (account) => {
      const { exports, repo, clock, repack } = account
      await fill(account, 400, ' and so on'.repeat(400))
      pack(account)
      const some = Array.from({ length: 100 }, (_, i) => i)
      const again = (i: number) => post(`r${i}`, `text ${i}${' and so on'.repeat(400)}`)
      const since = { rev: repo.requireHead().rev, all: await exported(account) }
      await repo.commit(some.map((i) => unpost(`r${i}`)))
      const between = { rev: repo.requireHead().rev, all: await exported(account) }
      await repo.commit(some.map(again))
      await repo.commit(Array.from({ length: 200 }, (_, i) => again(1000 + i)))
      const now = await exported(account)
      // It is known by a pack that another has replaced already, and that will be deleted in an hour.
      account.sql.run('UPDATE loose SET at = 1')
      while (repack.step().more);
      expect(account.blocks.packs.all()).toHaveLength(2)
      const diffs = [since, between].map(({ rev }) => exports.repo({ since: rev }).body.getReader())
      const left = exports.repo({ since: between.rev }).body.getReader()
      const parts: Uint8Array[][] = [[], [], []]
      const read = async (reader: (typeof diffs)[number], n: number): Promise<boolean> => {
        const { done, value } = await reader.read()
        if (value) parts[n]?.push(value)
        return !done
      }
      await read(left, 2)
      for (let more = true, round = 0; more; round++) {
        more = (await Promise.all(diffs.map((reader, n) => read(reader, n)))).includes(true)
        if (round < 6) clock.now += 25 * MINUTE
        while (repack.collect(Math.min(clock.now - 60 * MINUTE, exports.neededSince() ?? clock.now)).more);
      }
      const cars = async (n: number) => cids(new Uint8Array(Buffer.concat(parts[n] ?? [])))
      expect(await cars(0)).toEqual(missingFrom(since.all, now))
      expect(await cars(1)).toEqual(missingFrom(between.all, now))
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      // It may no longer be known how old a block is: better no CAR than one that lacks something.
      await expect(read(left, 2)).rejects.toThrow('was left for too long')
    }))

  it('is resumed byte for byte where a record was under two paths only while a pack was written', () =>
    inAccount(async (account) => {
      const { exports, repo, clock, repack, sql } = account
      await fill(account, 1000, ' and so on'.repeat(50))
      sql.run('UPDATE loose SET at = 0')
      await repo.commit([unpost('r5')])
      sql.run('UPDATE loose SET at = 0')
      expect(repack.step(100_000)).toEqual({ more: true })
      await repo.commit([post('a', 'twice'), post('s', 'twice')])
      const { root } = repo.requireHead()
      const whole = await collect(exports.repo().body)
      await repo.commit([unpost('a'), unpost('s')])
      while (repack.step().more);
      clock.now += 61 * MINUTE
      while (repack.collect(clock.now - 60 * MINUTE).more);
      const rest = await exports.resume({ root, offset: 1000 })
      expect(rest && Buffer.from(await collect(rest)).equals(whole.subarray(1000))).toBe(true)
    }))
})
