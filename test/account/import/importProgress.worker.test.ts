/** What may happen during an import: damage, collection, another import, other work. */
import { encode } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import type { Block } from '../../../src/repo/block.ts'
import { cborCid } from '../../repo/fixture.ts'
import { inAccount, post, seeded, stream, type TestAccount } from '../support/account.ts'
import {
  freshImport,
  expectWritable,
  expectSound,
  packs,
  refusalOf,
  contents,
  state,
} from '../support/imported.ts'
import {
  car,
  withChanges,
  importSigned,
  edit,
  filledRepository,
  path,
  picture,
  Repository,
  shuffled,
  text,
} from '../support/repository.ts'

/** Overwrites a packed block. */
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
  it('repairs blocks that storage has changed', async () => {
    for (const order of ['in order', 'shuffled'])
      await withChanges(async (account, repository, from) => {
        for (const block of [...from.blocks.slice(5, 40), ...from.blocks.slice(-1)]) damage(account, block)
        const again = account.restart()
        expect((await again.check()).problems).not.toEqual([])
        const signed = await repository.sign(account.clock.now)
        const { blocks } = signed
        await importSigned(again, signed, order === 'shuffled' ? shuffled(blocks, seeded(9)) : blocks)
        await expectSound(again)
      })
  })

  it('succeeds in spite of a damaged record that it does not have', async () => {
    await withChanges(async (account, repository) => {
      const gone = [...repository.records].at(-9)
      if (!gone) throw new Error('no record')
      const [key, cid] = gone
      damage(account, { cid, bytes: repository.store.read(cid) ?? new Uint8Array() })
      const again = account.restart()
      repository.records.delete(key)
      const signed = await repository.sign(account.clock.now)
      await importSigned(again, signed)
      await expectSound(again)
      expect(await contents(again)).toEqual(await freshImport(account, signed))
    })
  })

  it('succeeds while blocks are collected that it may need', async () => {
    await withChanges(async (account, repository, from) => {
      const first = new Map(repository.records)
      for (let n = 0; n < 200; n++) repository.put(path(n), text(`other ${n}`))
      account.clock.now += 1000
      await importSigned(account, await repository.sign(account.clock.now))
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
        await expectSound(account)
        expect(await contents(account)).toEqual(await freshImport(account, signed))
      }
      expect(account.blocks.find(from.root.bytes)).toBeUndefined()
      await expectWritable(account)
    })
  })

  it('writes nothing more after another import has ended it', async () => {
    await inAccount(async (account) => {
      const signed = await filledRepository(account, 800).sign(account.clock.now)
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
            second = refusalOf(account.imports.car(broken, { signingKey: account.key.did() }))
          }
          return now
        },
        set: () => {},
      })
      expect(await refusalOf(importSigned(account, signed))).toBe('this import was ended')
      expect(await second).toContain('connection lost')
      expect(state(account) === before).toBe(true)
    })
  })

  it('lets other work have its turn, in any order of blocks', async () => {
    await inAccount(async (account) => {
      const { platform } = account
      const signed = await filledRepository(account).sign(account.clock.now)
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
      await expectSound(account)
    })
  })

  it('is refused with too many references to blobs', async () => {
    await inAccount(async (account) => {
      const repository = new Repository(account.key)
      const pictures = Array.from({ length: 2000 }, (_, n) => picture(`picture ${n}`))
      for (let n = 0; n < 50; n++)
        repository.put(`${path(n)}${'x'.repeat(480)}`, text('the same', { pictures }))
      const signed = await repository.sign(account.clock.now)
      const before = state(account)
      expect(await refusalOf(importSigned(account, signed))).toContain('more blobs')
      expect(state(account) === before).toBe(true)
    })
  })

  it('knows the blobs of a record under each of its paths', async () => {
    await inAccount(async (account) => {
      const repository = new Repository(account.key)
      for (let n = 0; n < 300; n++)
        repository.put(path(n), text('the same', { embed: picture('one'), more: picture('two') }))
      const signed = await repository.sign(account.clock.now)
      await importSigned(account, signed)
      await expectSound(account)
      const { references, repeated } = await contents(account)
      expect(references).toHaveLength(600)
      expect(repeated).toMatchObject([{ paths: 300 }])
    })
  })
})
