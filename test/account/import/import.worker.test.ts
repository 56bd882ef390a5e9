import { decode, encode } from '@atproto/lex-cbor'
import { readCarWithRoot, verifyRepoCar } from '@atproto/repo'
import { describe, expect, it } from 'vitest'
import { decodeCid } from '@atproto/lex-data'
import { cborCid } from '../../../src/repo/cid.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { padded } from '../../repo/fixture.ts'
import { carOf } from '../../../src/account/repo/carOf.ts'
import { onFault } from '../../../src/fault.ts'
import { checkCommit, checkSync } from '../../../src/contract/areas/firehose/inductive.ts'
import { stream, blob, DID, POST, collect, inAccount, post, seeded, unpost } from '../support/account.ts'
import { fill, refusalOf, source, state } from '../support/imported.ts'

describe('an import', () => {
  it('has exactly the imported repository, and exports the same bytes', async () => {
    const { car, key, head } = await source()
    await inAccount(async (account) => {
      const imported = await account.imports.car(stream(car), { signingKey: key.did() })
      expect(imported).toMatchObject({ records: 120, changed: true, resigned: false })
      expect(imported.head.root.equals(head.root)).toBe(true)
      expect(account.repo.requireHead().rev).toBe(head.rev)
      expect((await account.check()).problems).toEqual([])
      expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(car))).toBe(true)
      expect(account.events).toEqual([])
      await account.repo.commit([post('new', 'here')])
      await verifyRepoCar(await collect(account.exports.repo().body), DID, account.key.did())
      expect((await account.check()).problems).toEqual([])
    })
  })

  it('takes lengths in more bytes than they need, and keeps and exports none of them', async () => {
    const { car, key, head } = await source()
    const { blocks } = await readCarWithRoot(car)
    const sections = [...blocks.entries()].map(({ cid, bytes }, i) =>
      padded(carSection(decodeCid(cid.bytes), bytes), 1 + (i % 3)),
    )
    const loose = Buffer.concat([padded(carHeader(head.root)), ...sections])
    await inAccount(async (account) => {
      await account.imports.car(stream(new Uint8Array(loose)), { signingKey: key.did() })
      expect(account.repo.requireHead().root.equals(head.root)).toBe(true)
      expect((await account.check()).problems).toEqual([])
      expect(Buffer.from(await collect(account.exports.repo().body)).equals(Buffer.from(car))).toBe(true)
    })
  })

  it('replaces an empty repository, and writes next to nothing the second time', async () => {
    const { car, key } = await source()
    await inAccount(async (account) => {
      account.clock.now -= 3600_000
      await account.repo.create()
      account.clock.now += 3600_000
      await account.imports.car(stream(car), { signingKey: key.did() })
      expect((await account.check()).problems).toEqual([])
      const written = account.sql.written
      const again = await account.imports.car(stream(car), { signingKey: key.did() })
      expect(again).toMatchObject({ records: 120, changed: false })
      expect(account.sql.written - written).toBeLessThan(10)
      expect((await account.check()).problems).toEqual([])
    })
  })

  it('of a repository that was here, with changes, writes only what changed', async () => {
    await inAccount(async (account) => {
      await fill(account, 300)
      const car = await collect(account.exports.repo().body)
      const { key } = account
      const away = await inAccount(async (other) => {
        await other.imports.car(stream(car), { signingKey: key.did() })
        other.clock.now += 1000
        await other.repo.commit([post('r5', 'changed'), unpost('r6'), post('x', 'new')])
        return {
          car: await collect(other.exports.repo().body),
          key: other.key,
          head: other.repo.requireHead(),
        }
      })
      const written = account.sql.written
      const back = await account.imports.car(stream(away.car), { signingKey: away.key.did() })
      expect(back).toMatchObject({ records: 300, resigned: false })
      expect(account.repo.requireHead().root.equals(away.head.root)).toBe(true)
      expect(account.sql.written - written).toBeLessThan(80)
      expect((await account.check()).problems).toEqual([])
      const next = await account.repo.commit([post('y', 'home')])
      expect(next.commit && next.commit.rev > away.head.rev).toBe(true)
    })
  })

  it('of an older revision gets a new commit, above both revisions', async () => {
    await inAccount(async (account) => {
      await fill(account, 50)
      const old = await collect(account.exports.repo().body)
      await account.repo.commit([post('later', 'x'), unpost('r1')])
      const before = account.repo.requireHead()
      const back = await account.imports.car(stream(old), { signingKey: account.key.did() })
      expect(back).toMatchObject({ records: 50, changed: true, resigned: true })
      expect(back.head.rev > before.rev).toBe(true)
      expect((await account.check()).problems).toEqual([])
      expect(
        (await verifyRepoCar(await collect(account.exports.repo().body), DID, account.key.did())).creates,
      ).toHaveLength(50)
    })
  })

  it('takes blocks in any order, and ignores those that do not belong to the tree', async () => {
    const { car, key, head } = await source(60)
    const { blocks, root } = await readCarWithRoot(car)
    const stray = encode({ $type: 'app.bsky.feed.post', text: 'stray' })
    const shuffled = [...blocks.entries(), { cid: cborCid(stray), bytes: stray }]
    const random = seeded(5)
    const order = new Map(shuffled.map((block) => [block, random()]))
    shuffled.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
    await inAccount(async (account) => {
      const imported = await account.imports.car(stream(carOf(root, shuffled)), { signingKey: key.did() })
      expect(imported.head.data.equals(head.data)).toBe(true)
      expect(imported.records).toBe(60)
      expect(account.blocks.read(cborCid(stray))).toBeUndefined()
      expect((await account.check()).problems).toEqual([])
    })
  })

  it('brings the blob references, and keeps those that were here', async () => {
    await inAccount(async (account) => {
      const a = await blob(account, 'first')
      const b = await blob(account, 'second')
      await account.repo.create()
      await account.repo.commit([post('a', 'x', { embed: a }), post('b', 'y', { embed: b })])
      const car = await collect(account.exports.repo().body)
      const listed = account.blobs.listReferenced({ limit: 10 }).cids
      await inAccount(async (target) => {
        await target.imports.car(stream(car), { signingKey: account.key.did() })
        expect(target.blobs.counts()).toEqual({ expected: 2, stored: 0, bytes: 0 })
        expect(target.blobs.listReferenced({ limit: 10 }).cids).toEqual(listed)
        const { blobs } = target.blobs.listMissing({ limit: 10 })
        expect(blobs.map(({ recordUri }) => recordUri).toSorted()).toEqual([
          `at://${DID}/${POST}/a`,
          `at://${DID}/${POST}/b`,
        ])
        expect((await target.check()).problems).toEqual([])
        // The record may be edited although its blob is not here yet.
        await target.repo.commit([post('a', 'z', { embed: a })])
        expect((await target.check()).problems).toEqual([])
      })
      await account.repo.commit([unpost('b')])
      const first = account.sql.all('SELECT * FROM blob_ref')
      await account.imports.car(stream(await collect(account.exports.repo().body)), {
        signingKey: account.key.did(),
      })
      expect(account.sql.all('SELECT * FROM blob_ref')).toEqual(first)
    })
  })

  it('reports its progress', async () => {
    const { car, key } = await source(1500)
    await inAccount(async (account) => {
      const seen = new Set<string>()
      let [bytes, records] = [0, 0]
      const look = () => {
        const { progress } = account.imports
        if (!progress) return
        seen.add(progress.phase)
        expect(progress.bytes).toBeGreaterThanOrEqual(bytes)
        expect(progress.records).toBeGreaterThanOrEqual(records)
        ;({ bytes, records } = progress)
      }
      const timer = setInterval(look, 0)
      onFault(look)
      await account.imports.car(stream(car), { signingKey: key.did() })
      clearInterval(timer)
      onFault(undefined)
      expect([...seen]).toEqual(['receiving', 'verifying', 'switching'])
      expect(records).toBe(1500)
      expect(bytes).toBeGreaterThan(car.length - 100)
      expect(account.imports.progress).toBeUndefined()
    })
  })

  it('refuses commits while it runs', async () => {
    const { car, key } = await source()
    await inAccount(async (account) => {
      await account.repo.create()
      const slow = account.imports.car(stream(car, 100), { signingKey: key.did() })
      let error = ''
      while (!error) {
        error = await refusalOf(account.repo.commit([post('a', 'x')]))
        if (error === 'no error') error = ''
      }
      expect(error).toBe('a repository is being imported')
      await slow.catch(() => {})
      expect((await account.check()).problems).toEqual([])
    })
  })

  it('refuses to create an empty repository while it runs', async () => {
    const { car, key } = await source()
    await inAccount(async (account) => {
      const slow = account.imports.car(stream(car, 100), { signingKey: key.did() })
      while (!account.imports.progress?.bytes) await new Promise((resolve) => setTimeout(resolve, 0))
      expect(await refusalOf(account.repo.create())).toBe('a repository is being imported')
      expect((await slow).records).toBe(120)
      expect((await account.check()).problems).toEqual([])
    })
  })
})

describe('an import whose sender sends nothing more', () => {
  it('is ended by a commit that waits for it, and changes nothing when the sender goes on', async () => {
    const { car, key } = await source(1500)
    await inAccount(async (account) => {
      await account.repo.create()
      const goesOn = Promise.withResolvers<void>()
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (at > car.length * 0.9) await goesOn.promise
          if (at >= car.length) controller.close()
          else controller.enqueue(car.slice(at, (at += 4000)))
        },
      })
      const silent = refusalOf(account.imports.car(body, { signingKey: key.did() }))
      const staging = () => account.sql.first<{ staging: string | null }>('SELECT staging FROM account')
      while (staging()?.staging === null) await new Promise((resolve) => setTimeout(resolve, 1))
      expect(await refusalOf(account.repo.commit([post('a', 'x')]))).toBe('a repository is being imported')
      account.clock.now += 61_000
      expect(await refusalOf(account.repo.commit([post('a', 'x')]))).toBe('no error')
      goesOn.resolve()
      expect(await silent).toBe('this import was ended')
      expect(account.records.get(POST, 'a')).toBeDefined()
      expect((await account.check()).problems).toEqual([])
    })
  })
})

describe('an active account', () => {
  it('signs an import again and announces it with #sync, from which consumers can go on', async () => {
    const { car, key } = await source(20)
    await inAccount(async (account) => {
      await account.repo.create()
      account.sql.run("UPDATE account SET state = 'active'")
      await account.repo.commit([post('before', 'x')])
      const { rev } = account.repo.requireHead()
      const imported = await account.imports.car(stream(car), { signingKey: key.did() })
      expect(imported).toMatchObject({ changed: true, resigned: true, records: 20 })
      expect(imported.head.rev > rev).toBe(true)
      await account.repo.commit([post('after', 'y')])
      expect(account.events.map(({ type }) => type)).toEqual(['commit', 'sync', 'commit'])
      const [, sync, commit] = account.events.map(({ body }) => decode(body) as never)
      if (!sync || !commit) throw new Error('no events')
      const did = account.key.did()
      await checkCommit(commit, await checkSync(sync, did), did)
      expect((await account.check()).problems).toEqual([])
      // Again: nothing changes, so that there is no event.
      const again = await collect(account.exports.repo().body)
      expect((await account.imports.car(stream(again), { signingKey: did })).changed).toBe(false)
      expect(account.events).toHaveLength(3)
    })
  })

  it('changes nothing where the import is refused', async () => {
    const { car } = await source(20)
    await inAccount(async (account) => {
      await account.repo.create()
      account.sql.run("UPDATE account SET state = 'active'")
      const before = state(account)
      await refusalOf(account.imports.car(stream(car), { signingKey: account.key.did() }))
      expect(state(account)).toBe(before)
      expect(account.events).toEqual([])
      await account.repo.commit([post('after', 'y')])
    })
  })
})
