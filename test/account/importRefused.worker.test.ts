/** Imports over nearly the same that are refused, broken off or made to do harm. */
import { Secp256k1Keypair } from '@atproto/crypto'
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it, vi } from 'vitest'
import { signCommit } from '../../src/account/commit.ts'
import type { Block } from '../../src/repo/car-write.ts'
import { onFault } from '../../src/fault.ts'
import { readNode } from '../../src/repo/node.ts'
import { nextTid } from '../../src/repo/tid.ts'
import { cborCid, rawCid } from '../repo/fixture.ts'
import { putNode } from '../repo/tree.ts'
import { DID, inAccount, post, seeded, stream, type TestAccount } from './support/account.ts'
import { fresh, goesOn, isGood, packs, refused, shape, state } from './support/imported.ts'
import {
  beyond,
  car,
  come,
  edit,
  filled,
  path,
  picture,
  Repository,
  shuffled,
  type Signed,
  text,
} from './support/repository.ts'

vi.setConfig({ testTimeout: 60_000 })

/** An account with this repository, a few records of which are then changed. */
const changed = async (
  work: (account: TestAccount, repository: Repository, from: Signed) => Promise<void>,
  count = 300,
): Promise<void> =>
  inAccount(async (account) => {
    const repository = filled(account, count)
    const from = await repository.sign(account.clock.now - 3600_000)
    await come(account, from)
    edit(repository, seeded(7), 3)
    await work(account, repository, from)
  })

/** A leaf of the tree that this change leaves as it is. */
const leafAt = async (repository: Repository, to: string): Promise<Block> => {
  const before = new Map(repository.records)
  const { blocks } = await repository.sign(1)
  for (const leaf of blocks.slice(2)) {
    if (!isLeaf(leaf.bytes)) continue
    repository.records.set(to, leaf.cid)
    const after = await repository.sign(1)
    // Now it stands there twice, or its own path goes through it.
    const links = after.blocks.filter(({ bytes }) => isNode(bytes)).flatMap(linksOf)
    if (links.filter((link) => link === leaf.cid.toString()).length === 2) return leaf
    repository.records.clear()
    for (const [key, cid] of before) repository.records.set(key, cid)
  }
  throw new Error('no leaf')
}

const nodeOf = (bytes: Uint8Array) => {
  try {
    return readNode(bytes)
  } catch {
    return undefined
  }
}
const isNode = (bytes: Uint8Array): boolean => nodeOf(bytes) !== undefined
const isLeaf = (bytes: Uint8Array): boolean => {
  const node = nodeOf(bytes)
  return (
    node !== undefined && !node.left && node.entries.length > 1 && node.entries.every(({ right }) => !right)
  )
}
const linksOf = ({ bytes }: Block): string[] => {
  const { left, entries } = nodeOf(bytes) ?? { left: null, entries: [] }
  return [left, ...entries.flatMap(({ value, right }) => [value, right])].flatMap((link) =>
    link ? [link.toString()] : [],
  )
}

describe('one that is nearly the same, and refused, leaves everything as it was:', () => {
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
        const lost = beyond(signed, from).at(-1)
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
      'a record that is no map',
      'BadRecord',
      async (account, repository) => {
        repository.put(path(70_000), ['a list'])
        return { signed: await repository.sign(now(account)) }
      },
    ],
    [
      'subtrees that are here, in each other’s place',
      'BadTree',
      async (account, repository, { blocks, data }) => {
        const { left, entries } = readNode(blocks[1]?.bytes ?? new Uint8Array())
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
      'a new record that is a node which is here',
      'BadTree',
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
      'a root that is named as something else than a commit',
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
      await changed(async (account, repository, from) => {
        const records = new Map(repository.records)
        const { signed, blocks = signed.blocks, cut = 0 } = await make(account, repository, from)
        const before = state(account)
        for (const order of [blocks, shuffled(blocks, seeded(5))]) {
          const bytes = car(signed, order)
          const coming = stream(bytes.subarray(0, bytes.length - cut), 60_000)
          const refusal = await refused(account.imports.car(coming, { signingKey: account.key.did() }))
          expect(refusal).toContain(code)
          expect(state(account) === before).toBe(true)
        }
        await isGood(account)
        repository.records.clear()
        for (const [key, cid] of records) repository.records.set(key, cid)
        const good = await repository.sign(account.clock.now)
        await come(account, good)
        expect(packs(account)).toBe(1)
        await goesOn(account)
      })
    })

  for (const point of [
    'import.afterVerified',
    'commit.afterBlocks',
    'commit.afterRecords',
    'import.afterBlocks',
  ])
    it(`storage fails at ${point}`, async () => {
      await changed(async (account, repository) => {
        const signed = await repository.sign(now(account))
        const before = state(account)
        for (const blocks of [signed.blocks, signed.blocks.toReversed()]) {
          onFault((name) => {
            if (name === point) throw new Error('the fault')
          })
          await expect(come(account, signed, blocks)).rejects.toThrow('the fault')
          onFault(undefined)
          expect(state(account) === before).toBe(true)
        }
        await come(account, signed)
        expect(await shape(account)).toEqual(await fresh(account, signed))
        await isGood(account)
      })
    })
})

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

/** Writes other bytes where this block is in a pack. */
const damage = ({ sql }: TestAccount, { cid, bytes }: Block): void => {
  for (const part of sql.all<{ n: number; bytes: ArrayBuffer }>('SELECT n, bytes FROM part')) {
    const at = Buffer.from(part.bytes).indexOf(Buffer.concat([cid.bytes, bytes]))
    if (at < 0) continue
    const wrong = new Uint8Array(part.bytes)
    wrong.fill(0xff, at + cid.bytes.length, at + cid.bytes.length + bytes.length)
    sql.run('UPDATE part SET bytes = ? WHERE n = ?', wrong, part.n)
  }
}

describe('an import', () => {
  it('mends blocks that storage has changed', async () => {
    for (const order of ['in order', 'shuffled'])
      await changed(async (account, repository, from) => {
        for (const block of [...from.blocks.slice(5, 40), ...from.blocks.slice(-1)]) damage(account, block)
        const again = account.restart()
        expect((await again.check()).problems).not.toEqual([])
        const signed = await repository.sign(account.clock.now)
        const { blocks } = signed
        await come(again, signed, order === 'shuffled' ? shuffled(blocks, seeded(9)) : blocks)
        await isGood(again)
      })
  })

  it('is not hindered by a damaged record that it does without', async () => {
    await changed(async (account, repository) => {
      const gone = [...repository.records].at(-9)
      if (!gone) throw new Error('no record')
      const [key, cid] = gone
      damage(account, { cid, bytes: repository.store.read(cid) ?? new Uint8Array() })
      const again = account.restart()
      repository.records.delete(key)
      const signed = await repository.sign(account.clock.now)
      await come(again, signed)
      await isGood(again)
      expect(await shape(again)).toEqual(await fresh(account, signed))
    })
  })

  it('goes on while what it may need is collected', async () => {
    await changed(async (account, repository, from) => {
      const first = new Map(repository.records)
      for (let n = 0; n < 200; n++) repository.put(path(n), text(`other ${n}`))
      account.clock.now += 1000
      await come(account, await repository.sign(account.clock.now))
      expect(packs(account)).toBe(2)
      await account.repo.commit([post('own', 'x')])
      for (const round of [0, 1]) {
        account.clock.now += 7200_000
        if (round === 0) edit(repository, seeded(8), 2)
        else for (const [key, cid] of first) repository.records.set(key, cid)
        const signed = await repository.sign(account.clock.now)
        const bytes = car(signed)
        let at = 0
        const body = new ReadableStream<Uint8Array>({
          pull: (controller) => {
            account.repack.step(Infinity)
            while (account.repack.collect(account.clock.now - 3600_000).more);
            if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += 10_000)))
            else controller.close()
          },
        })
        await account.imports.car(body, { signingKey: account.key.did() })
        expect(account.sql.all('SELECT id FROM pack WHERE id = 1')).toEqual([])
        await isGood(account)
        expect(await shape(account)).toEqual(await fresh(account, signed))
      }
      expect(account.blocks.find(from.root.bytes)).toBeUndefined()
      await goesOn(account)
    })
  })

  it('that another has ended writes nothing any more', async () => {
    await inAccount(async (account) => {
      const signed = await filled(account, 800).sign(account.clock.now)
      const before = state(account)
      let second: Promise<string> | undefined
      const { now } = account.clock
      // The commit is about to be verified.
      Object.defineProperty(account.clock, 'now', {
        get: () => {
          const begun = account.sql.first<{ staging: string | null }>('SELECT staging FROM account')?.staging
          if (begun != null && !second && new Error().stack?.includes('verifyRoot')) {
            const broken = new ReadableStream<Uint8Array>({
              start: (controller) => controller.error(new Error('connection lost')),
            })
            second = refused(account.imports.car(broken, { signingKey: account.key.did() }))
          }
          return now
        },
        set: () => {},
      })
      expect(await refused(come(account, signed))).toBe('this import was ended')
      expect(await second).toContain('connection lost')
      expect(state(account) === before).toBe(true)
    })
  })

  it('lets others have their turn, in whichever order it comes', async () => {
    await inAccount(async (account) => {
      const { platform } = account
      const signed = await filled(account).sign(account.clock.now)
      const [commit, root, ...rest] = signed.blocks
      if (!commit || !root) throw new Error('no tree')
      const strays = Array.from({ length: 40 }, (_, n) => {
        const bytes = encode(text(`stray ${n}`))
        return { cid: cborCid(bytes), bytes }
      })
      let sleeps = 0
      const sleep = platform.sleep.bind(platform)
      platform.sleep = (ms) => {
        sleeps++
        return sleep(ms)
      }
      const bytes = car(signed, [commit, ...rest, root, ...strays])
      await account.imports.car(stream(bytes, 60_000), { signingKey: account.key.did() })
      expect(sleeps).toBeGreaterThan(signed.blocks.length / 500 + bytes.length / (256 * 1024) - 2)
      await isGood(account)
    })
  })

  it('takes only so many references to blobs', async () => {
    await inAccount(async (account) => {
      const repository = new Repository(account.key)
      const pictures = Array.from({ length: 2000 }, (_, n) => picture(`picture ${n}`))
      for (let n = 0; n < 50; n++)
        repository.put(`${path(n)}${'x'.repeat(480)}`, text('the same', { pictures }))
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      expect(await refused(come(account, signed))).toContain('more blobs')
      expect(state(account) === before).toBe(true)
    })
  })

  it('knows the blobs of a record under each of its paths', async () => {
    await inAccount(async (account) => {
      const repository = new Repository(account.key)
      for (let n = 0; n < 300; n++)
        repository.put(path(n), text('the same', { embed: picture('one'), more: picture('two') }))
      const signed = await repository.sign(account.clock.now)
      await come(account, signed)
      await isGood(account)
      const { references, repeated } = await shape(account)
      expect(references).toHaveLength(600)
      expect(repeated).toMatchObject([{ paths: 300 }])
    })
  })
})
