import { describe, expect, it } from 'vitest'
import { readCarWithRoot, readCar, verifyProofs, verifyRepoCar } from '@atproto/repo'
import type { NsidString, RecordKeyString } from '@atproto/syntax'
import { importSigned, Repository, text } from '../support/repository.ts'
import { DID, POST, collect, inAccount, post, seeded, unpost } from '../support/account.ts'
import { fill } from '../support/stored.ts'

const LONG = ' and so on'.repeat(100)

describe('exports', () => {
  it('are the whole tree of one commit, the commit first', () =>
    inAccount(async (account) => {
      await fill(account, 300)
      const bytes = await collect(account.exports.repo().body)
      const { root, blocks } = await readCarWithRoot(bytes)
      expect(root.equals(account.repo.requireHead().root)).toBe(true)
      expect(blocks.cids()[0]?.equals(root)).toBe(true)
      const { creates } = await verifyRepoCar(bytes, DID, account.key.did())
      expect(creates).toHaveLength(300)
      expect(blocks.size).toBe((await account.check()).summary.blocks)
    }))

  it('have a block only once where two paths hold it', () =>
    inAccount(async (account) => {
      await account.repo.create()
      await account.repo.commit(Array.from({ length: 50 }, (_, i) => post(`r${i}`, 'same')))
      const bytes = await collect(account.exports.repo().body)
      let seen = 0
      const { blocks } = await readCar(bytes)
      for (const { bytes: block } of blocks.entries()) seen += block.length + 36
      expect(bytes.length).toBeLessThan(seen + 400)
      expect((await verifyRepoCar(bytes, DID, account.key.did())).creates).toHaveLength(50)
    }))

  it('no longer hold back collection once they are cancelled or abandoned', () =>
    inAccount(async (account) => {
      await fill(account, 100)
      const { exports } = account
      await exports.repo().body.cancel()
      expect(exports.neededSince()).toBeUndefined()
      const reader = exports.repo().body.getReader()
      await reader.read()
      await reader.cancel()
      expect(exports.neededSince()).toBeUndefined()
      exports.repo()
      expect(exports.neededSince()).toBeDefined()
      account.clock.now += 2 * 3600_000
      expect(exports.neededSince()).toBeUndefined()
    }))

  it('are resumed at any byte, even if other commits have followed', () =>
    inAccount(async (account) => {
      const random = seeded(5)
      await fill(account, 300, LONG)
      // Two paths have the record now, and later neither of them.
      await account.repo.commit([post('twin', 'same'), post('twin2', 'same')])
      const { exports, repack, repo } = account
      const since = repo.requireHead().rev
      const back = account.records.cid(`${POST}/r20`)
      await repo.commit([unpost('r20')])
      await repo.commit([post('r7', 'changed'), post('twin3', 'same'), post('r20', `text 20${LONG}`)])
      const { root, body } = exports.repo()
      const whole = await collect(body)
      const newer = await collect(exports.repo({ since }).body)
      expect((await readCar(newer)).blocks.cids().filter((cid) => `${cid}` === `${back}`)).toEqual([])
      const rest = async (offset: number, car = whole, from?: string) => {
        const stream = await exports.resume({ root, offset, since: from })
        return stream && Buffer.from(await collect(stream)).equals(Buffer.from(car.subarray(offset)))
      }
      const offsets = [0, 1, whole.length - 1, whole.length]
      while (offsets.length < 30) offsets.push(Math.floor(random() * whole.length))
      const resumes = async () => {
        for (const offset of offsets) expect(await rest(offset)).toBe(true)
        for (const offset of [0, 1, 500]) expect(await rest(offset, newer, since)).toBe(true)
      }
      await resumes()
      await repo.commit([unpost('twin'), unpost('twin2'), unpost('r8'), post('r9', 'other')])
      await resumes()
      // Everything is packed again; what the old commit needs stays for an hour.
      account.clock.now += 25 * 3600_000
      expect(repack.step()).toEqual({ more: false })
      account.clock.now += 3500_000
      while (repack.collect(Math.min(exports.neededSince() ?? Infinity, account.clock.now - 3600_000)).more);
      await resumes()
      expect(exports.neededSince()).toBeUndefined()
      account.clock.now += 200_000
      expect(await rest(1)).toBeUndefined()
      expect(await rest(1, newer, since)).toBeUndefined()
      while (repack.collect(account.clock.now - 3600_000).more);
      expect(await rest(1)).toBeUndefined()
      expect(account.sql.all('SELECT 1 FROM repeated')).toEqual([])
      // An export of anything but a commit of this account is not resumed.
      const record = account.records.cid(`${POST}/r1`) ?? root
      expect(await exports.resume({ root: record, offset: 0 })).toBeUndefined()
      const latest = repo.requireHead().root
      await expect(exports.resume({ root: latest, offset: 10_000_000 })).rejects.toThrow(
        'offset: the CAR ends',
      )
    }))

  it('are not resumed from the commit of another host whose tree was imported under a revision of this one', () =>
    inAccount(async (account) => {
      const { exports, repo, clock } = account
      await fill(account, 30)
      const other = new Repository(account.key)
      for (let i = 0; i < 40; i++) other.put(`${POST}/r${i}`, text(`elsewhere ${i}`))
      const theirs = await other.sign(clock.now - 60_000)
      await importSigned(account, theirs)
      expect(repo.requireHead().data.equals(theirs.data)).toBe(true)
      expect(account.blocks.read(theirs.root)).toBeDefined()
      for (const since of [undefined, repo.requireHead().rev])
        expect(await exports.resume({ root: theirs.root, offset: 0, since })).toBeUndefined()
      expect(await exports.resume({ root: repo.requireHead().root, offset: 0 })).toBeDefined()
    }))

  it('are not blocked by others that were begun and are not read', () =>
    inAccount(async (account) => {
      await fill(account, 60, ' and so on'.repeat(3000))
      const { exports } = account
      const idle = Array.from({ length: 15 }, () => exports.repo())
      const { creates } = await verifyRepoCar(await collect(exports.repo().body), DID, account.key.did())
      expect(creates).toHaveLength(60)
      await Promise.all(idle.map((stream) => stream.body.cancel()))
      expect(exports.neededSince()).toBeUndefined()
    }))

  it('prove that a path has a record, or none', () =>
    inAccount(async (account) => {
      await fill(account, 200)
      for (const rkey of ['r0', 'r77', 'r199', 'zzz', '000', 'r77x']) {
        const cid = account.records.cid(`${POST}/${rkey}`) ?? null
        const claim = { collection: POST as NsidString, rkey: rkey as RecordKeyString, cid }
        const car = account.exports.record(POST, rkey)
        const { verified } = await verifyProofs(car, [claim], DID, account.key.did())
        expect(verified).toHaveLength(1)
      }
    }))

  it('give single blocks of the current tree', () =>
    inAccount(async (account) => {
      await fill(account, 20)
      const [a, b] = [account.records.cid(`${POST}/r1`), account.records.cid(`${POST}/r2`)]
      if (!a || !b) throw new Error('no records')
      const { blocks } = await readCar(await collect(account.exports.blocks([a, b])))
      expect(blocks.size).toBe(2)
      await account.repo.commit([unpost('r1')])
      expect(account.exports.missing([a, b])).toEqual([a])
    }))
})
