/** The stores under the repository: packs, loose rows, what is copied and what is let go. */
import { readCarWithRoot, verifyRepoCar } from '@atproto/repo'
import { parseCid } from '@atproto/lex-data'
import { describe, expect, it, vi } from 'vitest'
import { stream, DID, POST, collect, inAccount, post, type TestAccount, unpost } from './support/account.ts'

vi.setConfig({ testTimeout: 120_000 })

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

const cids = async (bytes: Uint8Array): Promise<string[]> =>
  (await readCarWithRoot(bytes)).blocks.cids().map(String).toSorted()

const exported = async ({ exports }: TestAccount, since?: string): Promise<string[]> =>
  cids(await collect(exports.repo({ since }).body))

/** What the first list lacks of the second. */
const lacking = (have: readonly string[], all: readonly string[]): string[] => {
  const known = new Set(have)
  return all.filter((cid) => !known.has(cid))
}

/** Packs all anew: something was dropped more than a day ago. */
const pack = ({ repack, clock }: TestAccount): void => {
  clock.now += 2 * DAY
  while (repack.step().more);
}

/** Deletes whatever nobody needs. */
const tidy = ({ repack, exports, clock }: TestAccount): void => {
  clock.now += 1000
  while (repack.collect(exports.oldest() ?? clock.now).more);
}

const fill = async ({ repo }: TestAccount, count: number, more = ''): Promise<void> => {
  await repo.create()
  for (let i = 0; i < count; i += 100)
    await repo.commit(
      Array.from({ length: Math.min(100, count - i) }, (_, n) => post(`r${i + n}`, `text ${i + n}${more}`)),
    )
}

const problems = async (account: TestAccount): Promise<string[]> => (await account.check()).problems

describe('a pack', () => {
  it('remembers when a block came back that the pack before it had, too', () =>
    inAccount(async (account) => {
      const { repo } = account
      await fill(account, 20)
      await repo.commit([unpost('r0')])
      await repo.commit([post('r0', 'text 0')])
      pack(account)
      tidy(account)
      await repo.commit([unpost('r7')])
      const without = { rev: repo.load().rev, all: await exported(account) }
      await repo.commit([post('r7', 'text 7')])
      const wanted = lacking(without.all, await exported(account))
      expect(await exported(account, without.rev)).toEqual(wanted)
      pack(account)
      expect(await exported(account, without.rev)).toEqual(wanted)
      tidy(account)
      expect(account.sql.all('SELECT n FROM loose')).toEqual([])
      expect(await exported(account, without.rev)).toEqual(wanted)
      expect(await problems(account)).toEqual([])
    }))

  it('tells what a tree had only while all rows after it are there', () =>
    inAccount(async (account) => {
      const { repo, blocks } = account
      await fill(account, 20)
      pack(account)
      const [packed, from] = [repo.load().rev, blocks.packs.current()?.loose ?? 0]
      await repo.commit([unpost('r7')])
      const without = { rev: repo.load().rev, all: await exported(account) }
      await repo.commit([post('r7', 'text 7')])
      const wanted = lacking(without.all, await exported(account))
      pack(account)
      expect(await exported(account, without.rev)).toEqual(wanted)
      const known = await exported(account, packed)
      // A collection that has come as far as the row that dropped it: the pack still has it.
      blocks.loose.delete(from + 1, 100)
      expect(account.sql.first('SELECT min(n) AS n FROM loose')).toEqual({ n: from + 2 })
      for (const each of [account, account.restart()]) {
        expect(await exported(each, without.rev)).toEqual(wanted)
        expect(lacking(await exported(each, packed), known)).toEqual([])
      }
    }))

  it('does not take the age of a block from commits after it', () =>
    inAccount(async (account) => {
      const { repo, repack, clock } = account
      await fill(account, 3000, ' and so on'.repeat(200))
      await repo.commit([post('r1', 'other')])
      const before = { rev: repo.load().rev, all: await exported(account) }
      await repo.commit([post('z', 'last')])
      clock.now += 2 * DAY
      expect(repack.step()).toEqual({ more: true })
      expect(await problems(account)).toEqual([])
      // The last record of the tree is still to be copied.
      await repo.commit([unpost('z')])
      await repo.commit([post('z', 'last')])
      while (repack.step().more);
      expect(await problems(account)).toEqual([])
      tidy(account)
      expect(await exported(account, before.rev)).toEqual(lacking(before.all, await exported(account)))
      expect(await problems(account)).toEqual([])
    }))

  it('is not written while an import begins', async () => {
    const source = await inAccount(async (account) => {
      await fill(account, 400, ' and so on'.repeat(50))
      return { car: await collect(account.exports.repo().body), key: account.key }
    })
    await inAccount(async (account) => {
      const { repo, repack, imports, clock, records } = account
      await fill(account, 5000, ' and so on'.repeat(200))
      await repo.commit([post('r1', 'other')])
      clock.now += 2 * DAY
      expect(repack.step()).toEqual({ more: true })
      let release = (): void => {}
      const held = new Promise<void>((resolve) => (release = resolve))
      let sent = false
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (sent) return controller.close()
          await held
          sent = true
          controller.enqueue(source.car)
        },
      })
      const importing = imports.car(body, { signingKey: source.key.did() })
      await new Promise((resolve) => setTimeout(resolve, 5))
      // The alarm rings while the sender has sent nothing yet.
      repack.step()
      release()
      const imported = await importing
      expect(imported.records).toBe(400)
      repack.step()
      repack.step()
      repack.step()
      expect(await problems(account)).toEqual([])
      expect(records.get(POST, 'r399')).toBeDefined()
      tidy(account)
      expect(await problems(account)).toEqual([])
      await verifyRepoCar(await collect(account.exports.repo().body), DID, account.key.did())
    })
  })

  it('is not gone on with after an import has failed', () =>
    inAccount(async (account) => {
      const { repo, repack, imports, clock, key, exports } = account
      await fill(account, 5000, ' and so on'.repeat(200))
      await repo.commit([post('r1', 'other')])
      const car = await collect(exports.repo().body)
      clock.now += 2 * DAY
      expect(repack.step()).toEqual({ more: true })
      await expect(imports.car(stream(car.slice(0, 5000)), { signingKey: key.did() })).rejects.toThrow(
        'Truncated',
      )
      while (repack.step().more);
      expect(await problems(account)).toEqual([])
      tidy(account)
      expect(await problems(account)).toEqual([])
      expect((await verifyRepoCar(await collect(exports.repo().body), DID, key.did())).creates).toHaveLength(
        5000,
      )
    }))

  for (const [what, fail] of [
    [
      'a block was missing',
      ({ blocks }: TestAccount) => vi.spyOn(blocks, 'find').mockReturnValueOnce(undefined),
    ],
    [
      'a row was not written',
      ({ sql }: TestAccount) => {
        const { run } = sql
        let parts = 0
        return vi.spyOn(sql, 'run').mockImplementation((query, ...params) => {
          if (query.startsWith('INSERT INTO part') && ++parts === 2) throw new Error('no row, missing')
          return run.call(sql, query, ...params)
        })
      },
    ],
  ] as const)
    it(`is given up, not gone on with, once ${what}`, () =>
      inAccount(async (account) => {
        const { repo, repack, sql, clock, exports } = account
        await fill(account, 300, ' and so on'.repeat(100))
        pack(account)
        await repo.commit([post('r1', 'other')])
        clock.now += 2 * DAY
        const spy = fail(account)
        expect(() => repack.step()).toThrow('missing')
        spy.mockRestore()
        for (let step = 0; step < 9; step++) repack.step()
        clock.now += 2 * DAY
        while (repack.step().more);
        expect(sql.all('SELECT id FROM pack')).toHaveLength(2)
        tidy(account)
        expect(sql.all('SELECT id FROM pack')).toHaveLength(1)
        expect(await problems(account)).toEqual([])
        await verifyRepoCar(await collect(exports.repo().body), DID, account.key.did())
      }))
})

describe('loose rows', () => {
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

  it('cost no more to read from where a block comes and goes', () =>
    inAccount(async (account) => {
      const { repo } = account
      await fill(account, 30)
      for (let i = 0; i < 200; i++) await repo.commit([post('r1', i % 2 ? 'there' : 'and back')])
      const again = account.restart()
      expect(again.blocks.read(again.repo.load().root)).toBeDefined()
      const first = vi.spyOn(again.sql, 'first')
      expect(again.records.get(POST, 'r1')).toBeDefined()
      expect(first.mock.calls.length).toBeLessThan(20)
      first.mockClear()
      // Nor does asking whether it is there.
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

  it('are packed when they are many bytes, and no oftener than old packs can go', () =>
    inAccount(async (account) => {
      const { repo, repack, exports, blocks, sql } = account
      await repo.create()
      for (let i = 10; i < 80; i++) await repo.commit([post(`r${i % 3}`, `${i} `.repeat(330_000))])
      expect(repack.isDue).toBe(true)
      while (repack.step().more);
      expect(repack.isDue).toBe(false)
      tidy(account)
      const reader = exports.repo().body.getReader()
      const rows = [260, 260, 260]
      for (const count of rows) {
        for (let i = 0; i < count; i++) await repo.commit([post('one', `${i} of ${count}`)])
        while (repack.step().more);
      }
      // The export holds back the first pack; the third waits until there are twice as many rows.
      expect(blocks.packs.all()).toHaveLength(3)
      await reader.cancel()
      tidy(account)
      expect(sql.all('SELECT id FROM pack')).toHaveLength(1)
      expect(await problems(account)).toEqual([])
    }))
})

describe('getBlocks', () => {
  it('knows nothing of a CID that has no digest, packed or not', () =>
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
  it('waits for a commit that is being signed when its blocks begin to come', async () => {
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
  it('holds nothing back for ever, however slowly it is read', () =>
    inAccount(async (account) => {
      const { exports, clock } = account
      await fill(account, 2000, ' and so on'.repeat(400))
      const reader = exports.repo().body.getReader()
      for (let read = 0; read < 60; read++) {
        expect((await reader.read()).done).toBe(false)
        clock.now += 50 * MINUTE
      }
      expect(exports.oldest()).toBeUndefined()
      await reader.cancel()
    }))

  it('holds back what its own commit needs, also where that is resumed after another pack', () =>
    inAccount(async (account) => {
      const { exports, repo, clock, repack } = account
      await fill(account, 1000, ' and so on'.repeat(400))
      const { root } = repo.load()
      const whole = await collect(exports.repo().body)
      await repo.commit(Array.from({ length: 200 }, (_, i) => unpost(`r${900 - i}`)))
      account.sql.run('UPDATE loose SET at = 0')
      while (repack.step().more);
      clock.now += 30 * MINUTE
      const body = await exports.resume({ root, offset: 100_000 })
      if (!body) throw new Error('no longer kept')
      const reader = body.getReader()
      const parts = [whole.subarray(0, 100_000)]
      for (let read = 0; ; read++) {
        const { done, value } = await reader.read()
        if (done) break
        parts.push(value)
        if (read > 5) continue
        clock.now += 20 * MINUTE
        while (repack.collect(Math.min(clock.now - 60 * MINUTE, exports.oldest() ?? clock.now)).more);
      }
      expect(Buffer.concat(parts).equals(whole)).toBe(true)
      expect(exports.oldest()).toBeUndefined()
    }))

  it('holds back what its `since` is known by, and does without where it has been left for too long', () =>
    inAccount(async (account) => {
      const { exports, repo, clock, repack } = account
      await fill(account, 400, ' and so on'.repeat(400))
      pack(account)
      const some = Array.from({ length: 100 }, (_, i) => i)
      const again = (i: number) => post(`r${i}`, `text ${i}${' and so on'.repeat(400)}`)
      const since = { rev: repo.load().rev, all: await exported(account) }
      await repo.commit(some.map((i) => unpost(`r${i}`)))
      const between = { rev: repo.load().rev, all: await exported(account) }
      await repo.commit(some.map(again))
      await repo.commit(Array.from({ length: 200 }, (_, i) => again(1000 + i)))
      const now = await exported(account)
      // It is known by a pack that another has taken over from already, and that is due to go in an hour.
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
        while (repack.collect(Math.min(clock.now - 60 * MINUTE, exports.oldest() ?? clock.now)).more);
      }
      const cars = async (n: number) => cids(new Uint8Array(Buffer.concat(parts[n] ?? [])))
      expect(await cars(0)).toEqual(lacking(since.all, now))
      expect(await cars(1)).toEqual(lacking(between.all, now))
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      while (await read(left, 2));
      expect(lacking(await cars(2), lacking(between.all, now))).toEqual([])
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
      const { root } = repo.load()
      const whole = await collect(exports.repo().body)
      await repo.commit([unpost('a'), unpost('s')])
      while (repack.step().more);
      clock.now += 61 * MINUTE
      while (repack.collect(clock.now - 60 * MINUTE).more);
      const rest = await exports.resume({ root, offset: 1000 })
      expect(rest && Buffer.from(await collect(rest)).equals(whole.subarray(1000))).toBe(true)
    }))
})
