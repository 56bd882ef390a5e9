import { describe, expect, it } from 'vitest'
import { decode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { MemoryBlockstore, MST, readCarWithRoot, ReadableBlockstore, verifyRepoCar } from '@atproto/repo'
import type { RepoWrite } from '../../../src/account/repo/repo.ts'
import { keyLayer } from '../../../src/repo/tree/treeNode.ts'
import { DID, POST, collect, inAccount, post, seeded, type TestAccount, unpost } from '../support/account.ts'

interface CommitBody {
  commit: Cid
  prevData: Cid
  blocks: Uint8Array
  ops: { action: string; path: string; cid: Cid | null; prev?: Cid }[]
}

/** Lets the library read the account's blocks in its own way. */
class Stored extends ReadableBlockstore {
  readonly #account: TestAccount

  constructor(account: TestAccount) {
    super()
    this.#account = account
  }

  override getBytes = async (cid: Cid) => this.#account.blocks.read(cid) ?? null
  override has = async (cid: Cid) => this.#account.blocks.read(cid) !== undefined
  override getBlocks = async () => {
    throw new Error('not needed')
  }
}

const bodyOf = ({ body }: { body: Uint8Array }) => decode(body) as unknown as CommitBody

const whole = async (account: TestAccount) =>
  verifyRepoCar(await collect(account.exports.repo().body), DID, account.key.did())

const paths = async (account: TestAccount) =>
  (await whole(account)).creates.map(({ collection, rkey, cid }) => `${collection}/${rkey} ${cid}`).toSorted()

const indexed = (account: TestAccount) =>
  [...account.records.entries()].map(({ path, cid }) => `${path} ${cid}`).toSorted()

const fails = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (cause: { error?: string; message: string }) => cause.error ?? `untyped: ${cause.message}`,
  )

describe('commits', () => {
  it('create, update and delete records in one transaction each', () =>
    inAccount(async (account) => {
      const { repo } = account
      await repo.create()
      const made = await repo.commit([post('a', 'one'), post('b', 'two')])
      expect(made.results.map(({ action }) => action)).toEqual(['create', 'create'])
      const changed = await repo.commit([post('a', 'three'), unpost('b')])
      expect(changed.results.map(({ action }) => action)).toEqual(['update', 'delete'])
      expect(changed.commit?.rev && changed.commit.rev > (made.commit?.rev ?? '')).toBe(true)
      expect(await paths(account)).toEqual(indexed(account))
      expect(await account.check()).toMatchObject({ ok: true, problems: [], summary: { records: 1 } })
    }))

  it('are consistent over hundreds of random writes, and every event can be inverted', () =>
    inAccount(async (account) => {
      const random = seeded(7)
      const { repo } = account
      await repo.create()
      for (let i = 0; i < 120; i++) {
        const writes = new Map<string, RepoWrite>()
        for (let n = 0; n < 1 + random() * 12; n++) {
          const rkey = `k${Math.floor(random() * 150)}`
          const exists = account.records.cid(`${POST}/${rkey}`) !== undefined
          writes.set(
            rkey,
            exists && random() < 0.45 ? unpost(rkey) : post(rkey, `text ${Math.floor(random() * 40)}`),
          )
        }
        await repo.commit([...writes.values()])
        const event = account.events.at(-1)
        if (!event || event.rev !== repo.requireHead().rev) continue
        const body = bodyOf(event)
        const { blocks } = await readCarWithRoot(body.blocks)
        const tree = MST.load(new Stored(account), repo.requireHead().data)
        for (const { path } of body.ops) {
          const proof = await tree.getCoveringProof(path)
          for (const cid of proof.cids()) expect(blocks.has(cid)).toBe(true)
        }
      }
      const report = await account.check()
      expect(report.problems).toEqual([])
      expect(await paths(account)).toEqual(indexed(account))

      for (const event of account.events) {
        const body = bodyOf(event)
        const { blocks, root } = await readCarWithRoot(body.blocks)
        expect(root.equals(body.commit)).toBe(true)
        const commit = decode<{ data: Cid }>(blocks.get(root) ?? new Uint8Array())
        let tree = MST.load(new MemoryBlockstore(blocks), commit.data)
        for (const op of body.ops) {
          if (op.cid) expect(blocks.has(op.cid)).toBe(true)
          if (op.action === 'create') tree = await tree.delete(op.path)
          else if (op.action === 'update' && op.prev) tree = await tree.update(op.path, op.prev)
          else if (op.prev) tree = await tree.add(op.path, op.prev)
        }
        expect((await tree.getPointer()).equals(body.prevData)).toBe(true)
      }
    }))

  it('create a record again that was deleted, also with the same content', () =>
    inAccount(async (account) => {
      const { repo } = account
      await repo.create()
      for (let i = 0; i < 3; i++) {
        await repo.commit([post('a', 'same')])
        expect((await account.check()).problems).toEqual([])
        await repo.commit([unpost('a')])
        expect((await account.check()).problems).toEqual([])
      }
      await repo.commit([post('a', 'same')])
      expect(await paths(account)).toEqual(indexed(account))
      account.clock.now += 25 * 3600_000
      expect(account.repack.step()).toEqual({ more: false })
      account.clock.now += 3600_000
      expect(account.repack.collect(account.clock.now).more).toBe(false)
      expect(await paths(account)).toEqual(indexed(account))
      expect((await account.check()).problems).toEqual([])
      expect(account.sql.all('SELECT 1 FROM loose')).toEqual([])
      expect(account.sql.first('SELECT sum(blocks) AS blocks FROM pack')).toEqual({ blocks: 3 })
    }))

  it('begin a new tree after the last record is deleted, whatever layer its key was on', () =>
    inAccount(async (account) => {
      const { repo } = account
      const on = (layer: number) => {
        for (let i = 0; ; i++) if (keyLayer(`${POST}/k${i}`) === layer) return `k${i}`
      }
      const [low, high] = [on(0), on(2)]
      await repo.create()
      await repo.commit([post(high, 'alone')])
      await repo.commit([unpost(high)])
      await repo.commit([post(low, 'alone')])
      await repo.commit([unpost(low), post(high, 'again')])
      await repo.commit([unpost(high), post(low, 'again')])
      expect((await account.check()).problems).toEqual([])
      let fresh = await MST.create(new MemoryBlockstore())
      for (const { path, cid } of account.records.entries()) fresh = await fresh.add(path, cid)
      expect(repo.requireHead().data.equals(await fresh.getPointer())).toBe(true)
    }))

  it('keep a record that another path still holds', () =>
    inAccount(async (account) => {
      const { repo } = account
      await repo.create()
      await repo.commit([post('a', 'same'), post('b', 'same')])
      await repo.commit([unpost('a')])
      expect((await account.check()).problems).toEqual([])
      await repo.commit([post('a', 'same'), unpost('b')])
      expect((await account.check()).problems).toEqual([])
      await repo.commit([post('b', 'other')])
      // Two records are exchanged: each block is dropped and added in the same commit.
      await repo.commit([post('a', 'other'), post('b', 'same')])
      expect((await account.check()).problems).toEqual([])
      expect(await paths(account)).toEqual(indexed(account))
    }))

  it('change nothing where the record is the same already', () =>
    inAccount(async ({ repo, events }) => {
      await repo.create()
      await repo.commit([post('a', 'one')])
      const again = await repo.commit([post('a', 'one')])
      expect(again.commit).toBeUndefined()
      expect(again.results[0]?.cid).not.toBeNull()
      expect(
        (await repo.commit([{ action: 'delete', collection: POST, rkey: 'x', ifExists: true }])).commit,
      ).toBeUndefined()
      expect(events).toHaveLength(1)
    }))

  it('are refused, and nothing is written, where something is wrong with them', () =>
    inAccount(async (account) => {
      const { repo, sql } = account
      expect(await fails(repo.commit([post('a', 'one')]))).toBe('RepoNotFound')
      await repo.create()
      const { commit } = await repo.commit([post('a', 'one')])
      const cid = account.records.cid(`${POST}/a`)
      const before = [repo.head(), sql.written]
      const record = { $type: POST, text: 'x' }
      const write = (more: object): RepoWrite =>
        ({ action: 'create', collection: POST, rkey: 'n', record, ...more }) as never
      expect(await fails(repo.commit([write({ rkey: 'a' })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({ action: 'update' })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([unpost('n')]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({ rkey: 'a/b' })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({ rkey: '..' })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({ collection: 'nope' })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({ record: { text: 'x' } })]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([write({}), write({})]))).toBe('InvalidRequest')
      expect(await fails(repo.commit([post('n', 'x'.repeat(1_000_001))]))).toBe('InvalidRequest')
      const big = ['n', 'o', 'p'].map((rkey) => post(rkey, rkey.repeat(900_000)))
      expect(await fails(repo.commit(big))).toBe('InvalidRequest')
      const many = Array.from({ length: 201 }, (_, i) => post(`m${i}`, 'x'))
      expect(await fails(repo.commit(many))).toBe('InvalidRequest')
      expect(await fails(repo.commit([post('n', 'x')], { swapCommit: cid ?? null }))).toBe('InvalidSwap')
      expect(await fails(repo.commit([{ ...post('a', 'x'), swap: null }]))).toBe('InvalidSwap')
      expect(await fails(repo.commit([{ ...post('n', 'x'), swap: cid }]))).toBe('InvalidSwap')
      expect([repo.head(), sql.written]).toEqual(before)
      expect(
        (await repo.commit([{ ...post('a', 'x'), swap: cid }], { swapCommit: commit?.cid })).commit,
      ).toBeDefined()
      expect((await account.check()).problems).toEqual([])
    }))

  it('write few rows: the blocks on the path twice, and six more', () =>
    inAccount(async ({ repo, sql }) => {
      await repo.create()
      for (let i = 0; i < 10; i++)
        await repo.commit(Array.from({ length: 100 }, (_, n) => post(`r${i}x${n}`, 'x')))
      const before = sql.written
      for (let i = 0; i < 50; i++) await repo.commit([post(`s${i}`, `${i}`)])
      expect((sql.written - before) / 50).toBeLessThan(20)
    }))

  it('wait for one another', () =>
    inAccount(async (account) => {
      await account.repo.create()
      const done = await Promise.all(
        Array.from({ length: 30 }, (_, i) => account.repo.commit([post(`p${i}`, 'x')])),
      )
      const revs = done.map(({ commit }) => commit?.rev)
      expect(revs).toEqual(revs.toSorted())
      expect(new Set(revs).size).toBe(30)
      expect((await account.check()).problems).toEqual([])
    }))

  it('follow those that another object wrote', () =>
    inAccount(async (account) => {
      await account.repo.create()
      await account.repo.commit([post('a', 'one')])
      const again = account.restart()
      await again.repo.commit([post('b', 'two')])
      // The first object's memory is behind the storage now.
      await account.repo.commit([post('c', 'three')])
      expect((await account.check()).problems).toEqual([])
      expect(account.records.countByCollection()).toEqual({ [POST]: 3 })
    }))

  it('sign the same tree again', () =>
    inAccount(async (account) => {
      const { repo } = account
      await repo.create()
      await repo.commit([post('a', 'one')])
      const before = repo.requireHead()
      const after = await repo.signAgain({
        within: (head, car) => account.sequencer.appendSync(head.rev, car),
      })
      expect(after.data.equals(before.data)).toBe(true)
      expect(after.rev > before.rev).toBe(true)
      expect(account.events.map(({ type }) => type)).toEqual(['commit', 'sync'])
      expect((await account.check()).problems).toEqual([])
      await repo.commit([post('b', 'two')])
      await whole(account)
    }))
})

describe('records', () => {
  it('are listed in pages, in both directions, each once', () =>
    inAccount(async ({ repo, records }) => {
      await repo.create()
      const rkeys = Array.from({ length: 25 }, (_, i) => `r${String(i).padStart(2, '0')}`)
      await repo.commit([
        ...rkeys.map((rkey) => post(rkey, rkey)),
        {
          action: 'create',
          collection: 'app.bsky.feed.postgate',
          rkey: 'r01',
          record: { $type: 'app.bsky.feed.postgate' },
        },
        {
          action: 'create',
          collection: 'app.bsky.actor.profile',
          rkey: 'self',
          record: { $type: 'app.bsky.actor.profile' },
        },
      ])
      expect(records.collections()).toEqual(['app.bsky.actor.profile', POST, 'app.bsky.feed.postgate'])
      for (const reverse of [false, true]) {
        const seen: string[] = []
        for (let cursor: string | undefined; ;) {
          const page = records.list({ collection: POST, limit: 10, cursor, reverse })
          seen.push(...page.records.map(({ rkey }) => rkey))
          cursor = page.cursor
          if (!cursor) break
          expect(page.records).toHaveLength(10)
        }
        expect(seen).toEqual(reverse ? rkeys : rkeys.toReversed())
      }
      expect(records.get(POST, 'r03')?.rkey).toBe('r03')
      expect(records.get(POST, 'nope')).toBeUndefined()
    }))
})

describe('a deactivated account', () => {
  it('takes no commit, not even one that waited while it was deactivated', () =>
    inAccount(async (account) => {
      const { repo, sql } = account
      await repo.create()
      const gate = repo.exclusive(async () => sql.run("UPDATE account SET state = 'deactivated'"))
      const late = fails(repo.commit([post('a', 'x')]))
      await gate
      expect(await late).toBe('AccountDeactivated')
      expect(account.events).toEqual([])
    }))
})
