/** Blocks that are a record and something else as well. */
import { describe, expect, it } from 'vitest'
import { readNode } from '../../../src/repo/treeNode.ts'
import { inAccount } from '../support/account.ts'
import { fresh, goesOn, isGood, refused, shape, state } from '../support/imported.ts'
import { leafAt } from '../support/leaves.ts'
import { changed, come, filled, path } from '../support/repository.ts'

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

  it('is refused where it is a record and a node of any tree: who has it is taken to have what is below', async () => {
    await changed(async (account, repository) => {
      const leaf = await leafAt(repository, path(80_000))
      // Its own place in the tree is gone.
      repository.records.delete(readNode(leaf.bytes).entries[0]?.key ?? '')
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
        expect(await refused(come(account, signed, blocks))).toBe('BadRecord')
        expect(state(account) === before).toBe(true)
      }
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
