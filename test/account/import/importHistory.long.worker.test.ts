/** What an account has after many imports and commits, beside an import into an empty one. */
import { readCarWithRoot } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { collect, inAccount, post, seeded, type TestAccount } from '../support/account.ts'
import { freshImport, expectWritable, expectSound, contents } from '../support/imported.ts'
import { importSigned, edit, filledRepository, IN_ORDER, ORDERS } from '../support/repository.ts'

const newestPack = ({ sql }: TestAccount) => sql.first('SELECT max(id) AS id FROM pack')?.id

describe('a history of moves away and back', () => {
  for (const seed of [21, 22])
    it(`leaves what an import into an empty account has (seed ${seed})`, async () => {
      await inAccount(async (account) => {
        const dice = seeded(seed)
        const repository = filledRepository(account, 150)
        let from = await repository.sign(account.clock.now - 7200_000)
        await importSigned(account, from)
        let isHere = true
        const ways = new Set<string>()
        const past = [new Map(repository.records)]
        for (let round = 0; round < 12; round++) {
          account.clock.now += 600_000
          const chance = dice()
          if (chance < 0.2) {
            // Back to an earlier state.
            const records = past[Math.floor(dice() * past.length)] ?? []
            repository.records.clear()
            for (const [key, cid] of records) repository.records.set(key, cid)
          } else edit(repository, dice, Math.ceil(dice() ** 3 * 60))
          past.push(new Map(repository.records))
          const to = await repository.sign(account.clock.now - 60_000 * Math.floor(dice() * 20))
          // Blocks may only be left out if they are here.
          const orders = isHere ? ORDERS : ORDERS.slice(0, -1)
          const [order, arrange] = orders[Math.floor(dice() * orders.length)] ?? IN_ORDER
          const before = { rev: account.repo.requireHead().rev, ...(await contents(account)) }
          const newest = newestPack(account)
          await importSigned(account, to, arrange(to, from))
          ways.add(newestPack(account) === newest ? 'a commit' : 'a pack')
          await expectSound(account)
          const after = await contents(account)
          expect(after, `round ${round}, ${order}`).toEqual(await freshImport(account, to))
          const since = await readCarWithRoot(await collect(account.exports.repo({ since: before.rev }).body))
          const known = new Set(before.blocks)
          const news = after.blocks.filter((cid) => !known.has(cid))
          expect(since.blocks.cids().map(String).toSorted()).toEqual([...news, `${since.root}`].toSorted())
          from = to
          isHere = dice() >= 0.3
          if (!isHere) {
            await account.repo.commit([post('own', `${round}`), post(`own${round % 3}`, 'the same')])
            await expectSound(account)
          }
          if (dice() < 0.2) while (account.repack.step(Infinity).more);
          if (dice() < 0.3) account.repack.collect(account.clock.now - 3600_000)
        }
        expect([...ways].toSorted()).toEqual(['a commit', 'a pack'])
        await expectWritable(account)
      })
    })
})
