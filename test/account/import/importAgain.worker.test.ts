/** Imports over what is here already, or nearly: what they write, and what is here then. */
import { readCarWithRoot } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { collect, inAccount, post, seeded, type TestAccount } from '../support/account.ts'
import { fresh, goesOn, isGood, packs, shape } from '../support/imported.ts'
import {
  car,
  come,
  edit,
  filled,
  IN_ORDER,
  ORDERS,
  path,
  type Repository,
  text,
} from '../support/repository.ts'

/** Rows that the import wrote. */
const cost = async (account: TestAccount, work: () => Promise<unknown>): Promise<number> => {
  const before = account.sql.written
  await work()
  return account.sql.written - before
}

/** Rows that were staged meanwhile. */
const staged = async (account: TestAccount, work: () => Promise<unknown>): Promise<number> => {
  let most = 0
  const { sql } = account
  const run = sql.run.bind(sql)
  sql.run = (query, ...params) => {
    if (query.startsWith('INSERT INTO staged')) most++
    return run(query, ...params)
  }
  await work()
  sql.run = run
  return most
}

const newestPack = ({ sql }: TestAccount) => sql.first('SELECT max(id) AS id FROM pack')?.id

describe('a repository that comes in the order of its tree', () => {
  it('is never staged, and written once', async () => {
    await inAccount(async (account) => {
      const signed = await filled(account).sign(account.clock.now)
      const bytes = car(signed)
      let rows = 0
      expect(
        await staged(account, async () => (rows = await cost(account, () => come(account, signed)))),
      ).toBe(0)
      const parts = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM part')?.n ?? 0
      const buckets = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM bucket')?.n ?? 0
      const references = account.sql.first<{ n: number }>('SELECT count(*) AS n FROM blob_ref')?.n ?? 0
      expect(rows).toBeLessThan(parts + buckets + references + 20)
      expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(bytes))).toBe(true)
      await isGood(account)
      await goesOn(account)
    })
  })
})

describe('a repository that is nearly the same', () => {
  it('costs what differs, in whichever order it comes', async () => {
    await inAccount(async (account) => {
      const repository = filled(account)
      let from = await repository.sign(account.clock.now - 3600_000)
      await come(account, from)
      for (const [round, [order, arrange]] of ORDERS.entries()) {
        account.clock.now += 1000
        const edits = round === 0 ? 1 : 12
        edit(repository, seeded(round), edits)
        const to = await repository.sign(account.clock.now)
        const blocks = arrange(to, from)
        const rows = await cost(account, () => come(account, to, blocks))
        expect(rows, order).toBeLessThan(edits === 1 ? 15 : 60)
        expect(packs(account)).toBe(1)
        await isGood(account)
        const { blocks: here, ...rest } = await shape(account)
        expect(here, order).toEqual(
          to.blocks
            .slice(1)
            .map(({ cid }) => cid.toString())
            .toSorted(),
        )
        if (round === ORDERS.length - 1) expect({ ...rest, blocks: here }).toEqual(await fresh(account, to))
        // Its revision is known from the beginning where the commit comes first.
        const isFirst = blocks[0]?.cid.equals(to.root) === true
        expect(account.repo.load().root.equals(to.root), order).toBe(isFirst)
        if (isFirst)
          expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(car(to)))).toBe(
            true,
          )
        from = to
      }
      await goesOn(account)
    })
  })

  it('gives, since the revision before it, exactly what differs, and goes on where it was broken off', async () => {
    await inAccount(async (account) => {
      const repository = filled(account, 400)
      const from = await repository.sign(account.clock.now - 3600_000)
      await come(account, from)
      const before = await shape(account)
      const reader = account.exports.repo().body.getReader()
      const begun = await reader.read()
      edit(repository, seeded(3), 9)
      const to = await repository.sign(account.clock.now - 1800_000)
      await come(account, to)
      const read = [begun.value ?? new Uint8Array()]
      for (let next = await reader.read(); next.value; next = await reader.read()) read.push(next.value)
      expect(Buffer.concat(read).equals(Buffer.from(car(from)))).toBe(true)
      const after = await shape(account)
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

  it('is signed anew and told to those who follow an active account', async () => {
    await inAccount(async (account) => {
      const repository = filled(account, 400)
      await come(account, await repository.sign(account.clock.now - 3600_000))
      account.sql.run("UPDATE account SET state = 'active'")
      edit(repository, seeded(5), 4)
      const to = await repository.sign(account.clock.now - 1800_000)
      expect(await come(account, to)).toMatchObject({ resigned: true, changed: true })
      expect(packs(account)).toBe(1)
      expect(account.repo.load().rev > to.rev).toBe(true)
      await account.repo.commit([post('after', 'x')])
      expect(account.events.map(({ type }) => type)).toEqual(['sync', 'commit'])
      await isGood(account)
      // The commit that came has a tree, too.
      const since = await readCarWithRoot(await collect(account.exports.repo({ since: to.rev }).body))
      expect(since.blocks.size).toBeLessThan(12)
    })
  })

  it('costs a row or two where only the commit is another', async () => {
    await inAccount(async (account) => {
      const repository = filled(account, 400)
      await come(account, await repository.sign(account.clock.now - 3600_000))
      const to = await repository.sign(account.clock.now - 1800_000)
      expect(await cost(account, () => come(account, to))).toBeLessThan(10)
      await isGood(account)
      await goesOn(account)
    })
  })
})

describe('a repository of which much is new', () => {
  const large = (n: number) => text(`${n} ${'x'.repeat(700_000)}`)
  const many: [string, (repository: Repository, round: number) => void][] = [
    ['by their number', (repository, round) => edit(repository, seeded(round), 250)],
    [
      'by their size',
      (repository, round) => {
        for (let n = 0; n < 7; n++) repository.put(path(5000 + n), large(7 * round + n))
      },
    ],
  ]
  for (const [name, change] of many)
    it(`becomes a pack: ${name}`, async () => {
      await inAccount(async (account) => {
        const repository = filled(account, 600)
        let from = await repository.sign(account.clock.now - 3600_000)
        await come(account, from)
        for (const [round, [order, arrange]] of ORDERS.entries()) {
          account.clock.now += 1000
          repository.records.delete(path(round))
          if (round % 2 === 0) change(repository, round)
          else
            for (let n = 0; n < 600; n++) if (n > round) repository.put(path(n), text(`other ${round} ${n}`))
          const to = await repository.sign(account.clock.now)
          await come(account, to, arrange(to, from))
          expect(packs(account), order).toBe(round + 2)
          await isGood(account)
          expect(await shape(account), order).toEqual(await fresh(account, to))
          from = to
        }
        await goesOn(account)
      })
    })
})

describe('a history of going away and coming back', () => {
  for (const seed of [21, 22])
    it(`leaves what a fresh import has (seed ${seed})`, async () => {
      await inAccount(async (account) => {
        const dice = seeded(seed)
        const repository = filled(account, 150)
        let from = await repository.sign(account.clock.now - 7200_000)
        await come(account, from)
        let isHere = true
        const ways = new Set<string>()
        const past = [new Map(repository.records)]
        for (let round = 0; round < 12; round++) {
          account.clock.now += 600_000
          const chance = dice()
          if (chance < 0.2) {
            // Back to what it was some time ago.
            const records = past[Math.floor(dice() * past.length)] ?? []
            repository.records.clear()
            for (const [key, cid] of records) repository.records.set(key, cid)
          } else edit(repository, dice, Math.ceil(dice() ** 3 * 60))
          past.push(new Map(repository.records))
          const to = await repository.sign(account.clock.now - 60_000 * Math.floor(dice() * 20))
          // What is left out must be here.
          const orders = isHere ? ORDERS : ORDERS.slice(0, -1)
          const [order, arrange] = orders[Math.floor(dice() * orders.length)] ?? IN_ORDER
          const before = { rev: account.repo.load().rev, ...(await shape(account)) }
          const newest = newestPack(account)
          await come(account, to, arrange(to, from))
          ways.add(newestPack(account) === newest ? 'a commit' : 'a pack')
          await isGood(account)
          const after = await shape(account)
          expect(after, `round ${round}, ${order}`).toEqual(await fresh(account, to))
          const since = await readCarWithRoot(await collect(account.exports.repo({ since: before.rev }).body))
          const known = new Set(before.blocks)
          const news = after.blocks.filter((cid) => !known.has(cid))
          expect(since.blocks.cids().map(String).toSorted()).toEqual([...news, `${since.root}`].toSorted())
          from = to
          isHere = dice() >= 0.3
          if (!isHere) {
            await account.repo.commit([post('own', `${round}`), post(`own${round % 3}`, 'the same')])
            await isGood(account)
          }
          if (dice() < 0.2) while (account.repack.step(Infinity).more);
          if (dice() < 0.3) account.repack.collect(account.clock.now - 3600_000)
        }
        expect([...ways].toSorted()).toEqual(['a commit', 'a pack'])
        await goesOn(account)
      })
    })
})
