/** A pack: the whole tree of one revision. */
import { verifyRepoCar } from '@atproto/repo'
import { describe, expect, it, vi } from 'vitest'
import {
  stream,
  DID,
  POST,
  collect,
  inAccount,
  post,
  type TestAccount,
  unpost,
} from '../../support/account.ts'
import { exported, fill, missingFrom, pack, problems, collectAll } from '../../support/stored.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

describe('a pack', () => {
  it('knows when a block was added again that the pack before has, too', () =>
    inAccount(async (account) => {
      const { repo } = account
      await fill(account, 20)
      await repo.commit([unpost('r0')])
      await repo.commit([post('r0', 'text 0')])
      pack(account)
      collectAll(account)
      await repo.commit([unpost('r7')])
      const without = { rev: repo.requireHead().rev, all: await exported(account) }
      await repo.commit([post('r7', 'text 7')])
      const wanted = missingFrom(without.all, await exported(account))
      expect(await exported(account, without.rev)).toEqual(wanted)
      pack(account)
      expect(await exported(account, without.rev)).toEqual(wanted)
      collectAll(account)
      expect(account.sql.all('SELECT n FROM loose')).toEqual([])
      expect(await exported(account, without.rev)).toEqual(wanted)
      expect(await problems(account)).toEqual([])
    }))

  it('does not take the age of a block from commits after it', () =>
    inAccount(async (account) => {
      const { repo, repack, clock } = account
      await fill(account, 3000, ' and so on'.repeat(200))
      await repo.commit([post('r1', 'other')])
      const before = { rev: repo.requireHead().rev, all: await exported(account) }
      await repo.commit([post('z', 'last')])
      clock.now += 2 * DAY
      expect(repack.step()).toEqual({ more: true })
      expect(await problems(account)).toEqual([])
      // The last record of the tree is still to be copied.
      await repo.commit([unpost('z')])
      await repo.commit([post('z', 'last')])
      while (repack.step().more);
      expect(await problems(account)).toEqual([])
      collectAll(account)
      expect(await exported(account, before.rev)).toEqual(missingFrom(before.all, await exported(account)))
      expect(await problems(account)).toEqual([])
    }))

  it('is not written further once an import has begun', async () => {
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
      // An alarm while the sender has sent nothing yet.
      repack.step()
      release()
      const imported = await importing
      expect(imported.records).toBe(400)
      repack.step()
      repack.step()
      repack.step()
      expect(await problems(account)).toEqual([])
      expect(records.get(POST, 'r399')).toBeDefined()
      collectAll(account)
      expect(await problems(account)).toEqual([])
      await verifyRepoCar(await collect(account.exports.repo().body), DID, account.key.did())
    })
  })

  it('tells how many bytes an export of it has', () =>
    inAccount(async (account) => {
      const { repack, clock, exports, blocks } = account
      await fill(account, 1000, ' and so on'.repeat(50))
      clock.now += 2 * DAY
      while (repack.step().more);
      const [pack] = blocks.packs.all()
      const { length } = await collect(exports.repo().body)
      const size = pack ? blocks.packs.byteLength(pack) : 0
      // Beside the blocks, an export has the CAR's header.
      expect(length - size).toBeGreaterThanOrEqual(0)
      expect(length - size).toBeLessThan(100)
    }))

  it('is not continued after an import has failed', () =>
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
      collectAll(account)
      expect(await problems(account)).toEqual([])
      expect((await verifyRepoCar(await collect(exports.repo().body), DID, key.did())).creates).toHaveLength(
        5000,
      )
    }))

  for (const [what, fail] of [
    [
      'a block is missing',
      ({ blocks }: TestAccount) => vi.spyOn(blocks, 'find').mockReturnValueOnce(undefined),
    ],
    [
      'a row cannot be written',
      ({ sql }: TestAccount) => {
        const { run } = sql
        let segments = 0
        return vi.spyOn(sql, 'run').mockImplementation((query, ...params) => {
          if (query.startsWith('INSERT INTO part') && ++segments === 2) throw new Error('no row, missing')
          return run.call(sql, query, ...params)
        })
      },
    ],
  ] as const)
    it(`is given up and not continued where ${what}`, () =>
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
        collectAll(account)
        expect(sql.all('SELECT id FROM pack')).toHaveLength(1)
        expect(await problems(account)).toEqual([])
        await verifyRepoCar(await collect(exports.repo().body), DID, account.key.did())
      }))
})
