/** Imports over nearly the same repository that are refused or fail. */
import { Secp256k1Keypair } from '@atproto/crypto'
import { describe, expect, it } from 'vitest'
import { signCommit } from '../../../src/account/repo/commits/signCommit.ts'
import type { Block } from '../../../src/repo/block.ts'
import { onFault } from '../../../src/fault.ts'
import { parseNodeUnchecked } from '../../../src/repo/tree/treeNode.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { rawCid } from '../../repo/fixture.ts'
import { putNode } from '../../repo/tree/tree.ts'
import { DID, seeded, stream, type TestAccount } from '../support/account.ts'
import {
  freshImport,
  expectWritable,
  expectSound,
  packs,
  refusalOf,
  contents,
  state,
} from '../support/imported.ts'
import { leafAt } from '../support/leaves.ts'
import {
  newBlocks,
  car,
  withChanges,
  importSigned,
  path,
  Repository,
  shuffled,
  type Signed,
} from '../support/repository.ts'

describe('an import of nearly the same repository that is refused leaves everything as it was:', () => {
  type Make = (
    account: TestAccount,
    repository: Repository,
    from: Signed,
  ) => Promise<{ signed: Signed; blocks?: Block[]; cut?: number }>
  const now = ({ clock }: TestAccount) => clock.now
  const cases: [string, string, Make][] = [
    [
      'a new block is missing',
      'MissingBlock',
      async (account, repository, from) => {
        const signed = await repository.sign(now(account))
        const lost = newBlocks(signed, from).at(-1)
        return { signed, blocks: signed.blocks.filter((block) => block !== lost) }
      },
    ],
    [
      'a new node is missing',
      'MissingBlock',
      async (account, repository) => {
        const signed = await repository.sign(now(account))
        return { signed, blocks: signed.blocks.filter((_, n) => n !== 1) }
      },
    ],
    [
      'signed by another key',
      'BadSignature',
      async (account, repository) => {
        const stranger = new Repository(await Secp256k1Keypair.create())
        for (const [key, bytes] of repository.store) stranger.store.set(key, bytes)
        for (const [key, cid] of repository.records) stranger.records.set(key, cid)
        return { signed: await stranger.sign(now(account)) }
      },
    ],
    [
      'subtrees that are here, in each other’s position',
      'BadTree',
      async (account, repository, { blocks, data }) => {
        const { left, entries } = parseNodeUnchecked(blocks[1]?.bytes ?? new Uint8Array())
        const [first, ...others] = entries.map(({ key, value, right }) => ({
          key,
          value: value.cid,
          right: right?.cid ?? null,
        }))
        if (!left || !first?.right) throw new Error('a root without subtrees')
        const turned = [{ ...first, right: left.cid }, ...others]
        const wrong = putNode(repository.store, first.right, turned)
        const commit = await signCommit(account.key, { did: DID, rev: nextTid(now(account)), data: wrong })
        const bytes = repository.store.read(wrong) ?? new Uint8Array()
        const rest = blocks.filter(({ cid }) => !cid.equals(data)).slice(1)
        return {
          signed: {
            ...(await repository.sign(now(account))),
            root: commit.cid,
            blocks: [commit, { cid: wrong, bytes }, ...rest],
          },
        }
      },
    ],
    [
      'a new record that is a node of the tree here',
      'BadRecord',
      async (account, repository) => {
        await leafAt(repository, path(80_000))
        return { signed: await repository.sign(now(account)) }
      },
    ],
    [
      'cut off',
      'TruncatedCar',
      async (account, repository) => ({ signed: await repository.sign(now(account)), cut: 7 }),
    ],
    [
      'a root whose CID is not that of a commit',
      'the root',
      async (account, repository) => {
        const signed = await repository.sign(now(account))
        const [commit, ...rest] = signed.blocks
        const root = rawCid(commit?.bytes ?? new Uint8Array())
        return {
          signed: {
            ...signed,
            root,
            blocks: [{ cid: root, bytes: commit?.bytes ?? new Uint8Array() }, ...rest],
          },
        }
      },
    ],
  ]
  for (const [name, code, make] of cases)
    it(name, async () => {
      await withChanges(async (account, repository, from) => {
        const records = new Map(repository.records)
        const { signed, blocks = signed.blocks, cut = 0 } = await make(account, repository, from)
        const before = state(account)
        for (const order of [blocks, shuffled(blocks, seeded(5))]) {
          const bytes = car(signed, order)
          const body = stream(bytes.subarray(0, bytes.length - cut), 60_000)
          const refusal = await refusalOf(account.imports.car(body, { signingKey: account.key.did() }))
          expect(refusal).toContain(code)
          expect(state(account) === before).toBe(true)
        }
        await expectSound(account)
        repository.records.clear()
        for (const [key, cid] of records) repository.records.set(key, cid)
        const good = await repository.sign(account.clock.now)
        await importSigned(account, good)
        expect(packs(account)).toBe(1)
        await expectWritable(account)
      })
    })

  for (const point of [
    'import.afterVerified',
    'commit.afterBlocks',
    'commit.afterRecords',
    'import.afterBlocks',
  ])
    it(`storage fails at ${point}`, async () => {
      await withChanges(async (account, repository) => {
        const signed = await repository.sign(now(account))
        const before = state(account)
        for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
          onFault((name) => {
            if (name === point) throw new Error('the fault')
          })
          await expect(importSigned(account, signed, blocks)).rejects.toThrow('the fault')
          onFault(undefined)
          expect(state(account) === before).toBe(true)
        }
        await importSigned(account, signed)
        expect(await contents(account)).toEqual(await freshImport(account, signed))
        await expectSound(account)
      })
    })
})
