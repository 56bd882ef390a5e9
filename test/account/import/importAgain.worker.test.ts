/** Imports over a repository that is the same, or nearly: what they write, and what the account has then. */
import { readCarWithRoot } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { collect, inAccount, post, seeded, type TestAccount } from '../support/account.ts'
import { freshImport, expectWritable, expectSound, packs, contents } from '../support/imported.ts'
import {
  car,
  importSigned,
  edit,
  filledRepository,
  ORDERS,
  path,
  type Repository,
  text,
} from '../support/repository.ts'

/** How many rows were written. */
const rowsWritten = async (account: TestAccount, work: () => Promise<unknown>): Promise<number> => {
  const before = account.sql.written
  await work()
  return account.sql.written - before
}

/** How many rows were staged. */
const rowsStaged = async (account: TestAccount, work: () => Promise<unknown>): Promise<number> => {
  let count = 0
  const { sql } = account
  const run = sql.run.bind(sql)
  sql.run = (query, ...params) => {
    if (query.startsWith('INSERT INTO staged')) count++
    return run(query, ...params)
  }
  await work()
  sql.run = run
  return count
}

describe('a repository in the order of its tree', () => {
  it('is written once, and never staged', async () => {
    await inAccount(async (account) => {
      const signed = await filledRepository(account).sign(account.clock.now)
      const bytes = car(signed)
      let rows = 0
      expect(
        await rowsStaged(
          account,
          async () => (rows = await rowsWritten(account, () => importSigned(account, signed))),
        ),
      ).toBe(0)
      const parts = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM part')?.n ?? 0
      const buckets = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM bucket')?.n ?? 0
      const references = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM blob_ref')?.n ?? 0
      expect(rows).toBeLessThan(parts + buckets + references + 20)
      expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(bytes))).toBe(true)
      await expectSound(account)
      await expectWritable(account)
    })
  })
})

describe('a repository that is nearly the same', () => {
  it('writes only what differs, in any order of blocks', async () => {
    await inAccount(async (account) => {
      const repository = filledRepository(account)
      let from = await repository.sign(account.clock.now - 3600_000)
      await importSigned(account, from)
      for (const [round, [order, arrange]] of ORDERS.entries()) {
        account.clock.now += 1000
        const edits = round === 0 ? 1 : 12
        edit(repository, seeded(round), edits)
        const to = await repository.sign(account.clock.now)
        const blocks = arrange(to, from)
        const rows = await rowsWritten(account, () => importSigned(account, to, blocks))
        expect(rows, order).toBeLessThan(edits === 1 ? 15 : 60)
        expect(packs(account)).toBe(1)
        await expectSound(account)
        const { blocks: here, ...rest } = await contents(account)
        expect(here, order).toEqual(
          to.blocks
            .slice(1)
            .map(({ cid }) => cid.toString())
            .toSorted(),
        )
        if (round === ORDERS.length - 1)
          expect({ ...rest, blocks: here }).toEqual(await freshImport(account, to))
        // Its revision is known from the beginning only where the commit comes first.
        const isFirst = blocks[0]?.cid.equals(to.root) === true
        expect(account.repo.requireHead().root.equals(to.root), order).toBe(isFirst)
        if (isFirst)
          expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(car(to)))).toBe(
            true,
          )
        from = to
      }
      await expectWritable(account)
    })
  })

  it('is exported since the revision before as exactly what differs, and resumed from an offset', async () => {
    await inAccount(async (account) => {
      const repository = filledRepository(account, 400)
      const from = await repository.sign(account.clock.now - 3600_000)
      await importSigned(account, from)
      const before = await contents(account)
      const reader = account.exports.repo().body.getReader()
      const begun = await reader.read()
      edit(repository, seeded(3), 9)
      const to = await repository.sign(account.clock.now - 1800_000)
      await importSigned(account, to)
      const read = [begun.value ?? new Uint8Array()]
      for (let next = await reader.read(); next.value; next = await reader.read()) read.push(next.value)
      expect(Buffer.concat(read).equals(Buffer.from(car(from)))).toBe(true)
      const after = await contents(account)
      const since = await readCarWithRoot(await collect(account.exports.repo({ since: from.rev }).body))
      const named = since.blocks.cids().map(String).toSorted()
      const known = new Set(before.blocks)
      const expected = after.blocks.filter((cid) => !known.has(cid))
      expect(named).toEqual([...expected, to.root.toString()].toSorted())
      await account.repo.commit([post('after', 'x')])
      const rest = await account.exports.resume({ root: to.root, offset: 5000 })
      if (!rest) throw new Error('the snapshot is gone')
      expect(Buffer.from(await collect(rest)).equals(Buffer.from(car(to).subarray(5000)))).toBe(true)
      const nothing = await readCarWithRoot(await collect(account.exports.repo({ since: to.rev }).body))
      expect(nothing.blocks.size).toBeLessThan(12)
    })
  })

  it('is signed again and announced, where the account is active', async () => {
    await inAccount(async (account) => {
      const repository = filledRepository(account, 400)
      await importSigned(account, await repository.sign(account.clock.now - 3600_000))
      account.sql.run("UPDATE account SET state = 'active'")
      edit(repository, seeded(5), 4)
      const to = await repository.sign(account.clock.now - 1800_000)
      expect(await importSigned(account, to)).toMatchObject({ resigned: true, changed: true })
      expect(packs(account)).toBe(1)
      expect(account.repo.requireHead().rev > to.rev).toBe(true)
      await account.repo.commit([post('after', 'x')])
      expect(account.events.map(({ type }) => type)).toEqual(['sync', 'commit'])
      await expectSound(account)
      // The imported commit has a tree, too.
      const since = await readCarWithRoot(await collect(account.exports.repo({ since: to.rev }).body))
      expect(since.blocks.size).toBeLessThan(12)
    })
  })

  it('writes a few rows where only the commit differs', async () => {
    await inAccount(async (account) => {
      const repository = filledRepository(account, 400)
      await importSigned(account, await repository.sign(account.clock.now - 3600_000))
      const to = await repository.sign(account.clock.now - 1800_000)
      expect(await rowsWritten(account, () => importSigned(account, to))).toBeLessThan(10)
      await expectSound(account)
      await expectWritable(account)
    })
  })
})

describe('a repository of which much is new', () => {
  const large = (n: number) => text(`${n} ${'x'.repeat(700_000)}`)
  const many: [string, (repository: Repository, round: number) => void][] = [
    ['many records', (repository, round) => edit(repository, seeded(round), 250)],
    [
      'large records',
      (repository, round) => {
        for (let n = 0; n < 7; n++) repository.put(path(5000 + n), large(7 * round + n))
      },
    ],
  ]
  for (const [name, change] of many)
    it(`becomes a pack: ${name}`, async () => {
      await inAccount(async (account) => {
        const repository = filledRepository(account, 600)
        let from = await repository.sign(account.clock.now - 3600_000)
        await importSigned(account, from)
        for (const [round, [order, arrange]] of ORDERS.entries()) {
          account.clock.now += 1000
          repository.records.delete(path(round))
          if (round % 2 === 0) change(repository, round)
          else
            for (let n = 0; n < 600; n++) if (n > round) repository.put(path(n), text(`other ${round} ${n}`))
          const to = await repository.sign(account.clock.now)
          await importSigned(account, to, arrange(to, from))
          expect(packs(account), order).toBe(round + 2)
          await expectSound(account)
          expect(await contents(account), order).toEqual(await freshImport(account, to))
          from = to
        }
        await expectWritable(account)
      })
    })
})
