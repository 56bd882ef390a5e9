/** Blocks that are a record and something else as well. */
import { describe, expect, it, vi } from 'vitest'
import { readNode } from '../../src/repo/node.ts'
import { inAccount } from './support/account.ts'
import { fresh, goesOn, isGood, refused, shape, state } from './support/imported.ts'
import { leafAt } from './support/leaves.ts'
import { changed, come, filled, path } from './support/repository.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('a block that is two things', () => {
  it('is refused where it is a record and a node of the tree, on an empty account', async () => {
    await inAccount(async (account) => {
      const repository = filled(account, 400)
      await leafAt(repository, path(80_000))
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
        expect(await refused(come(account, signed, blocks))).toBe('BadTree')
        expect(state(account) === before).toBe(true)
      }
    })
  })

  it('may be a record, and then a node of the tree that follows', async () => {
    await changed(async (account, repository, from) => {
      const records = new Map(repository.records)
      const leaf = await leafAt(repository, path(80_000))
      const node = readNode(leaf.bytes)
      // As a record without the node: one of its keys has gone.
      repository.records.delete(node.entries[0]?.key ?? '')
      const first = await repository.sign(account.clock.now)
      await come(account, first)
      await isGood(account)
      expect(await shape(account)).toEqual(await fresh(account, first))
      repository.records.set(node.entries[0]?.key ?? '', records.get(node.entries[0]?.key ?? '') ?? leaf.cid)
      const both = await repository.sign(account.clock.now)
      const before = state(account)
      expect(await refused(come(account, both))).toBe('BadTree')
      expect(state(account) === before).toBe(true)
      repository.records.delete(path(80_000))
      const second = await repository.sign(account.clock.now)
      await come(account, second)
      await isGood(account)
      expect(await shape(account)).toEqual(await fresh(account, second))
      expect(from.root.equals(second.root)).toBe(false)
      await goesOn(account)
    })
  })

  it('may be a record, and then the commit that comes', async () => {
    await changed(async (account, repository) => {
      const second = await repository.sign(account.clock.now)
      const [commit] = second.blocks
      if (!commit) throw new Error('no commit')
      repository.store.set(commit.cid.toString(), commit.bytes)
      repository.records.set(path(90_000), commit.cid)
      await come(account, await repository.sign(account.clock.now - 1000))
      await isGood(account)
      await come(account, second)
      await isGood(account)
      expect(account.repo.load().root.equals(second.root)).toBe(true)
      expect(await shape(account)).toEqual(await fresh(account, second))
      await goesOn(account)
    })
  })

  it('may be a record, and the commit that was here', async () => {
    await changed(async (account, repository, from) => {
      const [commit] = from.blocks
      if (!commit) throw new Error('no commit')
      repository.store.set(commit.cid.toString(), commit.bytes)
      repository.records.set(path(90_000), commit.cid)
      const signed = await repository.sign(account.clock.now)
      await come(account, signed)
      await isGood(account)
      expect(await shape(account)).toEqual(await fresh(account, signed))
      await goesOn(account)
    })
  })
})
