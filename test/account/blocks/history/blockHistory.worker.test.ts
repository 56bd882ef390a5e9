/** What old trees had: it stays known long after the rows that told it were deleted. */
import type { NsidString, RecordKeyString } from '@atproto/syntax'
import { describe, expect, it } from 'vitest'
import { LIFETIME_BYTES } from '../../../../src/account/blocks/history/blockLifetime.ts'
import { REMOVAL_LOG_LIMITS } from '../../../../src/account/blocks/history/removalLog.ts'
import { RemovalLogWriter } from '../../../../src/account/blocks/history/removalLogWriter.ts'
import { Blocks } from '../../../../src/account/blocks/blocks.ts'
import { recordValue } from '../../../../src/account/repo/records.ts'
import { onFault } from '../../../../src/fault.ts'
import { collect, inAccount, post, stream, type TestAccount, unpost } from '../../support/account.ts'
import { importSigned, Repository, text } from '../../support/repository.ts'
import { exported, fill, missingFrom, pack, problems, collectAll } from '../../support/stored.ts'

/** A tree that has half of the records here, and others. */
const halfOf = ({ records, key }: TestAccount): Repository => {
  const repository = new Repository(key)
  for (const [i, { path }] of [...records.entries()].entries()) {
    const [collection = '', rkey = ''] = path.split('/')
    const { bytes } = records.get(collection as NsidString, rkey as RecordKeyString) ?? {}
    repository.put(path, i % 2 === 0 && bytes ? (recordValue(bytes) ?? null) : text(`elsewhere ${i}`))
  }
  return repository
}

describe('an account', () => {
  it('knows what each old tree had, where records were deleted and created again for months', () =>
    inAccount(async (account) => {
      const { repo, sql, clock } = account
      await fill(account, 300)
      const trees = new Map<string, string[]>()
      for (let day = 0; day < 8; day++) {
        for (let i = 0; i < 12; i++) {
          await repo.commit([i % 2 === 0 ? unpost('r7') : post('r7', 'text 7')])
          if (i % 5 === 0) await repo.commit([post(`r${day * 10 + i}`, `other ${day % 2}`)])
          trees.set(repo.requireHead().rev, await exported(account))
        }
        pack(account)
        clock.now += 7 * 24 * 3600_000
        collectAll(account)
        expect(sql.all('SELECT 1 FROM loose')).toEqual([])
        expect(account.repack.hasReplacedRows).toBe(false)
      }
      expect(await problems(account)).toEqual([])
      for (const each of [account, account.restart()])
        for (const [since, tree] of trees) {
          const [root] = [`${repo.requireHead().root}`]
          const wanted = (await exported(each)).filter((cid) => cid === root || !tree.includes(cid))
          expect(await exported(each, since), since).toEqual(wanted)
        }
      // One row for each pack is all that it takes.
      expect(sql.first('SELECT count(*) AS rows FROM trail')).toEqual({ rows: 9 })
    }))

  it('logs removed blocks in steps before anything is deleted, also when the object dies in between', () =>
    inAccount(async (account) => {
      const { repo, repack, clock, sql } = account
      await fill(account, 400)
      // More than one step can look up.
      for (let i = 0; i < 150; i++) await repo.commit([unpost(`r${i}`)])
      const before = { rev: repo.requireHead().rev, all: await exported(account) }
      await repo.commit([post('r1', 'text 1')])
      await repo.commit([unpost('r1')])
      await repo.commit([post('r1', 'text 1')])
      pack(account)
      clock.now += 1000
      const wanted = missingFrom(before.all, await exported(account))
      const rows = () => sql.first<{ n: number }>('SELECT count(*) AS n FROM loose')?.n
      const [loose, steps] = [rows(), sql.first('SELECT count(*) AS n FROM trail')]
      onFault((name) => {
        if (name === 'removalLog.afterRow') throw new Error('a fault')
      })
      expect(() => {
        while (repack.collect(clock.now).more);
      }).toThrow('a fault')
      onFault(undefined)
      expect(sql.first('SELECT count(*) AS n FROM trail')).toEqual(steps)
      let each = account
      for (let more = true, n = 0; more; n++) {
        expect(await exported(each, before.rev)).toEqual(wanted)
        expect(await problems(each)).toEqual([])
        more = each.repack.collect(clock.now).more
        if (n < 2) expect(rows()).toBe(loose)
        if (n % 3 === 2) each = each.restart()
      }
      expect(rows()).toBe(0)
      expect(await exported(each, before.rev)).toEqual(wanted)
    }))

  it('knows what the trees before an import had, unless the import replaced too much', () =>
    inAccount(async (account) => {
      const { repo, clock, sql, key } = account
      await fill(account, 800)
      pack(account)
      await repo.commit([unpost('r3'), post('r5', 'other'), post('new', 'words')])
      await repo.commit([unpost('r4'), post('r3', 'text 3')])
      const before = { rev: repo.requireHead().rev, all: await exported(account) }
      const car = await collect(account.exports.repo().body)
      const other = halfOf(account)
      await importSigned(account, await other.sign(clock.now + 5000))
      clock.now += 10_000
      const between = { rev: repo.requireHead().rev, all: await exported(account) }
      // And what was here is imported again.
      await account.imports.car(stream(car), { signingKey: key.did() })
      const all = await exported(account)
      const root = `${repo.requireHead().root}`
      const wanted = [before, between].map((then) =>
        all.filter((cid) => cid === root || !then.all.includes(cid)),
      )
      expect(wanted[0]).toEqual([root])
      // Those of the half that was removed and added again; the other half was in that tree.
      expect(wanted[1]?.length).toBeGreaterThan(400)
      expect(wanted[1]?.length).toBeLessThan(all.length - 300)
      clock.now += 1000
      const newest = account.blocks.packs.current()
      if (!newest) throw new Error('no pack')
      const blocksWithSmallLog = new Blocks(sql, account.platform, {
        ...REMOVAL_LOG_LIMITS,
        maxBytes: 20 * LIFETIME_BYTES,
      })
      const writer = new RemovalLogWriter(blocksWithSmallLog)
      while (writer.step(newest));
      expect(blocksWithSmallLog.history.knows(between.rev)).toBe(false)
      expect(blocksWithSmallLog.history.knows(newest.rev)).toBe(true)
      account.blocks.removalLog.restart(0, '')
      // The object dies on the way, more than once.
      expect(account.repack.collect(clock.now)).toEqual({ more: true })
      let each = account.restart()
      for (let n = 0; n < 4; n++) each.repack.collect(clock.now)
      each = each.restart()
      collectAll(each)
      expect(each.repack.hasReplacedRows).toBe(false)
      expect(await problems(each)).toEqual([])
      expect(sql.first('SELECT min(begins) AS begins FROM trail')).toEqual({ begins: '' })
      for (const [i, { rev }] of [before, between].entries())
        expect(await exported(each, rev)).toEqual(wanted[i])
    }))

  it('loses nothing where a read fails while the tree that an import replaced is being logged', () =>
    inAccount(async (account) => {
      const { repo, clock, key, blocks, exports } = account
      await fill(account, 1500)
      pack(account)
      const { rev: since } = repo.requireHead()
      const car = await collect(exports.repo().body)
      await importSigned(account, await halfOf(account).sign(clock.now + 5000))
      clock.now += 10_000
      await account.imports.car(stream(car, 60_000), { signingKey: key.did() })
      const exact = await exported(account, since)
      clock.now += 1000
      const find = blocks.packs.find.bind(blocks.packs)
      let reads = 0
      blocks.packs.find = (...of) => {
        if (++reads === 1500) throw new Error('a read failed')
        return find(...of)
      }
      expect(() => collectAll(account)).toThrow('a read failed')
      collectAll(account)
      expect(reads).toBeGreaterThan(3000)
      expect(await exported(account, since)).toEqual(exact)
      expect(exact).toEqual([`${repo.requireHead().root}`])
    }))

  it('is told by a check that its removal log has a gap or is wrong', () =>
    inAccount(async (account) => {
      const { repo, sql } = account
      await fill(account, 100)
      for (let round = 0; round < 3; round++) {
        await repo.commit([unpost(`r${round}`)])
        pack(account)
        collectAll(account)
      }
      expect(await problems(account)).toEqual([])
      const problemsAfter = async (statement: string): Promise<string> => {
        let found: string[] = []
        const rows = sql.all<Record<string, ArrayBuffer | string | number>>('SELECT * FROM trail')
        sql.run(statement)
        found = await problems(account)
        sql.run('DELETE FROM trail')
        for (const row of rows) sql.run('INSERT INTO trail VALUES (?, ?, ?, ?, ?)', ...Object.values(row))
        return found.join('\n')
      }
      const last = '(SELECT max(id) FROM trail)'
      expect(await problemsAfter(`DELETE FROM trail WHERE id = ${last} - 1`)).toContain('has a gap')
      expect(
        await problemsAfter(`UPDATE trail SET gone = substr(gone, 1, 100) WHERE id = ${last}`),
      ).toContain('is cut off')
      expect(await problemsAfter(`UPDATE trail SET ends = begins WHERE id = ${last}`)).toContain(
        'has a block of',
      )
      expect(await problemsAfter('DELETE FROM trail')).toContain('there is no removal log')
      await repo.commit([unpost('r50')])
      await repo.commit([unpost('r51')])
      sql.run('DELETE FROM loose WHERE n = (SELECT min(n) FROM loose)')
      expect((await account.restart().check()).problems.join('\n')).toContain(
        'the removal log does not cover them',
      )
    }))
})
