/** Imports with a block that is a record, and a node or a commit as well. */
import { describe, expect, it } from 'vitest'
import { parseNodeUnchecked } from '../../../src/repo/tree/treeNode.ts'
import { inAccount } from '../support/account.ts'
import { freshImport, expectWritable, expectSound, refusalOf, contents, state } from '../support/imported.ts'
import { leafAt } from '../support/leaves.ts'
import { withChanges, importSigned, filledRepository, path } from '../support/repository.ts'

describe('a block that is a record and something else', () => {
  it('is refused where it is also a node of the tree, on an empty account', async () => {
    await inAccount(async (account) => {
      const repository = filledRepository(account, 400)
      await leafAt(repository, path(80_000))
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
        expect(await refusalOf(importSigned(account, signed, blocks))).toBe('BadTree')
        expect(state(account) === before).toBe(true)
      }
    })
  })

  it('is refused where it is also a node of any tree: to have it is taken to mean having what is below', async () => {
    await withChanges(async (account, repository) => {
      const leaf = await leafAt(repository, path(80_000))
      // It is no longer a node of this tree.
      repository.records.delete(parseNodeUnchecked(leaf.bytes).entries[0]?.key ?? '')
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
        expect(await refusalOf(importSigned(account, signed, blocks))).toBe('BadRecord')
        expect(state(account) === before).toBe(true)
      }
      await expectWritable(account)
    })
  })

  it('may be the commit that is imported later', async () => {
    await withChanges(async (account, repository) => {
      const second = await repository.sign(account.clock.now)
      const [commit] = second.blocks
      if (!commit) throw new Error('no commit')
      repository.store.set(commit.cid.toString(), commit.bytes)
      repository.records.set(path(90_000), commit.cid)
      await importSigned(account, await repository.sign(account.clock.now - 1000))
      await expectSound(account)
      await importSigned(account, second)
      await expectSound(account)
      expect(account.repo.requireHead().root.equals(second.root)).toBe(true)
      expect(await contents(account)).toEqual(await freshImport(account, second))
      await expectWritable(account)
    })
  })

  it('may be the commit that was here', async () => {
    await withChanges(async (account, repository, from) => {
      const [commit] = from.blocks
      if (!commit) throw new Error('no commit')
      repository.store.set(commit.cid.toString(), commit.bytes)
      repository.records.set(path(90_000), commit.cid)
      const signed = await repository.sign(account.clock.now)
      await importSigned(account, signed)
      await expectSound(account)
      expect(await contents(account)).toEqual(await freshImport(account, signed))
      await expectWritable(account)
    })
  })
})
