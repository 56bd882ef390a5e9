/** Imports of broken CARs, and imports that are broken off. */
import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { type BlockMap, readCarWithRoot } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { cborCid } from '../../../src/repo/cid.ts'
import { carOf } from '../../../src/account/repo/carOf.ts'
import { signCommit } from '../../../src/account/repo/commits/signCommit.ts'
import { carHeader } from '../../../src/repo/car/writeCar.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { stream, DID, inAccount } from '../support/account.ts'
import { fill, refusalOf, source, state } from '../support/imported.ts'

describe('an import that is refused leaves everything as it was:', () => {
  type Make = (
    good: Awaited<ReturnType<typeof source>>,
    blocks: BlockMap,
    root: Cid,
  ) => Promise<Uint8Array> | Uint8Array
  const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
  const cases: [string, string, Make][] = [
    ['cut in the middle of a block', 'TruncatedCar', ({ car }) => car.slice(0, car.length - 10)],
    ['a missing block', 'MissingBlock', (_, blocks, root) => carOf(root, blocks.entries().slice(0, -1))],
    ['only the commit', 'MissingBlock', (_, blocks, root) => carOf(root, blocks.entries().slice(0, 1))],
    ['an empty body', 'TruncatedCar', () => new Uint8Array()],
    ['a header alone', 'a CAR without blocks', (_, __, root) => carHeader(root)],
    ['no root', 'a repository has one root, this CAR has 0', (_, blocks) => carOf(null, blocks.entries())],
    [
      'a root that is a record',
      'BadCommit',
      (_, blocks) => carOf(blocks.cids().at(-1) ?? null, blocks.entries()),
    ],
    [
      'a block with another hash',
      'HashMismatch',
      (_, blocks, root) =>
        carOf(
          root,
          blocks.entries().map(({ cid, bytes }, i) => ({ cid, bytes: i === 9 ? flip(bytes) : bytes })),
        ),
    ],
    [
      'the repository of another account',
      'WrongDid',
      async ({ key, head }, blocks) => {
        const commit = await signCommit(key, {
          did: 'did:plc:zzzzzzzzzzzzzzzzzzzzzzzz',
          rev: head.rev,
          data: head.data,
        })
        return carOf(commit.cid, [commit, ...blocks.entries().slice(1)])
      },
    ],
    [
      'a signature by another key',
      'BadSignature',
      async ({ head }, blocks) =>
        inAccount(async ({ key }) => {
          const commit = await signCommit(key, { did: DID, rev: head.rev, data: head.data })
          return carOf(commit.cid, [commit, ...blocks.entries().slice(1)])
        }),
    ],
    [
      'a revision far in the future',
      'BadRev',
      async ({ key, head }, blocks) => {
        const rev = nextTid(Date.parse('2027-01-01T00:00:00Z'))
        const commit = await signCommit(key, { did: DID, rev, data: head.data })
        return carOf(commit.cid, [commit, ...blocks.entries().slice(1)])
      },
    ],
    [
      'a node that is not one',
      'BadTree',
      async ({ key, head }, blocks) => {
        const bytes = encode({ e: [], l: null, x: 1 })
        const commit = await signCommit(key, { did: DID, rev: head.rev, data: cborCid(bytes) })
        return carOf(commit.cid, [commit, { cid: cborCid(bytes), bytes }, ...blocks.entries()])
      },
    ],
    [
      'a section that declares a gigabyte',
      'SectionTooLarge',
      ({ car }, _, root) =>
        new Uint8Array([...carHeader(root), 0x80, 0x80, 0x80, 0x80, 0x04, ...car.slice(100)]),
    ],
  ]
  for (const [name, code, make] of cases) {
    it(name, async () => {
      const good = await source()
      const { blocks, root } = await readCarWithRoot(good.car)
      const bad = await make(good, blocks, root)
      for (const isEmpty of [true, false]) {
        await inAccount(async (account) => {
          if (!isEmpty) {
            account.clock.now -= 3600_000
            await fill(account, 30)
            account.clock.now += 3600_000
          }
          const before = state(account)
          expect(await refusalOf(account.imports.car(stream(bad), { signingKey: good.key.did() }))).toBe(code)
          expect(state(account)).toBe(before)
          expect((await account.check()).problems).toEqual([])
          await account.imports.car(stream(good.car), { signingKey: good.key.did() })
          expect((await account.check()).problems).toEqual([])
        })
      }
    })
  }

  it('a lost connection, and an object that dies', async () => {
    const { car, key } = await source()
    await inAccount(async (account) => {
      const before = state(account)
      const lost = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(car.slice(0, car.length / 2)),
        pull: (controller) => controller.error(new Error('connection lost')),
      })
      expect(await refusalOf(account.imports.car(lost, { signingKey: key.did() }))).toContain(
        'connection lost',
      )
      expect(state(account)).toBe(before)
      account.sql.run("UPDATE account SET staging = '3zzzzzzzzzzzz'")
      account.sql.run("INSERT INTO staged (n, bytes) VALUES (1, x'01')")
      account.sql.run("INSERT INTO part (n, made, bytes) VALUES (1, x'01', x'01')")
      account.sql.run("INSERT INTO bucket (pack, n, entries) VALUES (1, 0, x'01')")
      const again = account.restart()
      expect(state(again)).toBe(before)
    })
  })

  it('ended by another import, which succeeds', async () => {
    const { car, key } = await source()
    await inAccount(async (account) => {
      let go = () => {}
      const slow = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(car.slice(0, car.length / 2))
          go = () => {
            controller.enqueue(car.slice(car.length / 2))
            controller.close()
          }
        },
      })
      const first = refusalOf(account.imports.car(slow, { signingKey: key.did() }))
      const second = account.imports.car(stream(car), { signingKey: key.did() })
      await expect(second).resolves.toMatchObject({ records: 120 })
      go()
      expect(await first).toBe('this import was ended')
      expect((await account.check()).problems).toEqual([])
    })
  })
})
