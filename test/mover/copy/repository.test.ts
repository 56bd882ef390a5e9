import { encode } from '@atproto/lex-cbor'
import { describe, expect, it } from 'vitest'
import { fetchRepo } from '../../../src/mover/copy/fetchRepo.ts'
import { deleteAtSource, sendRepo } from '../../../src/mover/copy/sendRepo.ts'
import { rawCid } from '../fakes/fakeRepo.ts'
import { blobBytes, post, postPath } from '../fakes/fakeWorld.ts'
import { MALFORMED_RECORDS } from '../fakes/faults/records.ts'
import { SOURCE_FAULTS } from '../fakes/faults/sources.ts'
import { fakeKey } from '../fakes/keys.ts'
import { lacking, worldWith } from './support.ts'

const text = (value: string) => new TextEncoder().encode(value)

/** A malformed record that refers to a blob. */
const withBlob = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array([
    ...[0xa2, 0x61, 0x78, 0x82],
    ...[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0],
    ...encode({ $type: 'blob', ref: rawCid(bytes), mimeType: 'image/png', size: bytes.length }),
    ...[0x65, ...text('$type'), 0x63, ...text('a.b')],
  ])

describe('fetching a repository', () => {
  it('takes a commit that is signed with an earlier key of the log, and says which one it was', async () => {
    const world = await worldWith()
    const [old, next] = [world.account.signingKey.did(), (await fakeKey('the next')).did()]
    const fetch = (signingKeys: string[]) =>
      fetchRepo(world.deps, { source: world.from, who: { ...world.who, signingKeys }, store: world.store })
    await expect(fetch([next])).rejects.toMatchObject({
      code: 'source-refused',
      message: expect.stringContaining('BadSignature'),
    })
    expect((await fetch([next, old])).facts.signedBy).toBe(old)
  })

  it('lists all malformed records at once, keeps their bytes, and finds their blobs', async () => {
    const blob = blobBytes(77)
    const world = await worldWith([], {
      more: { ...MALFORMED_RECORDS, [postPath(1006)]: withBlob(blob) },
      target: { refuseRecord: () => undefined },
    })
    world.source.putBlob(world.account, blob)
    const { facts, blobs } = await world.copy()
    expect(facts.malformed.map(({ path }) => path)).toEqual([
      ...Object.keys(MALFORMED_RECORDS),
      postPath(1006),
    ])
    for (const { problem, path } of facts.malformed) expect(problem).toContain(path)
    expect(facts.records).toBe(18)
    expect(blobs.missing).toEqual([])
    expect(world.there.blobs.has(rawCid(blob).toString())).toBe(true)
    expect(lacking(world)).toEqual([])
  })

  it('fetches only what is new since the copy in the store, and the target takes only that', async () => {
    const world = await worldWith([], { records: 200 })
    await world.copy()
    await world.source.write(world.account, { [postPath(9000)]: post('later'), [postPath(0)]: undefined })
    const { how, sent, facts } = await world.copy()
    expect([how, sent.outcome, facts.root]).toEqual(['since', 'sent', world.account.repo.cid])
    expect(lacking(world)).toEqual([])
    expect(world.there.repo.records.has(postPath(0))).toBe(false)
    const sizes = world.network.requests
      .filter(({ path }) => path.endsWith('importRepo'))
      .map(({ bytes }) => bytes)
    expect(sizes).toHaveLength(2)
    expect(sizes[1]).toBeLessThan((sizes[0] ?? 0) / 4)
  })

  it.each(SOURCE_FAULTS.filter(({ name }) => name.includes('`since`')))(
    'fetches the whole of it again where $name',
    async (fault) => {
      const world = await worldWith([fault])
      await world.copy()
      await world.source.write(world.account, { [postPath(9000)]: post('later'), [postPath(0)]: undefined })
      expect((await world.copy()).how).toBe('whole')
      expect(lacking(world)).toEqual([])
    },
  )

  it('fetches it again where the copy in the store was changed', async () => {
    const world = await worldWith()
    await world.fetchRepo()
    const kept = world.store.files.get('repo.car')
    kept?.set([(kept.at(-3) ?? 0) ^ 1], kept.length - 3)
    expect((await world.fetchRepo()).how).toBe('whole')
  })

  const wrong: [
    what: string,
    change: (car: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
    problem: string,
  ][] = [
    ['is cut between two blocks', (car) => car.slice(0, car.length - sectionLength(car)), 'MissingBlock'],
    ['has a bit flipped', (car) => car.with(car.length - 3, (car.at(-3) ?? 0) ^ 1), 'HashMismatch'],
    ['is a web page', () => new Uint8Array(Buffer.from('<h1>Not Found</h1>')), 'TruncatedCar'],
  ]
  it.each(wrong)('refuses one that %s, and keeps the copy that it has', async (_, change, problem) => {
    const world = await worldWith()
    await world.fetchRepo()
    const before = world.store.files.get('repo.car')
    await world.source.write(world.account, { [postPath(9000)]: post('later') })
    const car = change(new Uint8Array(await world.account.repo.car()))
    world.source.hooks.push({
      after: ({ method }, answer) => (method.endsWith('getRepo') ? new Response(car, answer) : answer),
    })
    await expect(world.fetchRepo()).rejects.toMatchObject({
      code: 'source-refused',
      message: expect.stringContaining(problem),
    })
    expect(world.store.files.get('repo.car')).toEqual(before)
  })

  it('refuses the repository of another account', async () => {
    const world = await worldWith()
    const who = { did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz', signingKeys: [world.account.signingKey.did()] }
    world.source.hooks.push({
      before: async ({ method }) =>
        method.endsWith('getRepo')
          ? new Response(new Uint8Array(await world.account.repo.car()), {
              headers: { 'content-type': 'application/vnd.ipld.car' },
            })
          : undefined,
    })
    await expect(
      fetchRepo(world.deps, { source: world.from, who, store: world.store }),
    ).rejects.toMatchObject({ code: 'source-refused', message: expect.stringContaining('WrongDid') })
  })

  it('ends at the limit, with nothing kept', async () => {
    const world = await worldWith()
    const options = { source: world.from, who: world.who, store: world.store, maxBytes: 500 }
    await expect(fetchRepo(world.deps, options)).rejects.toMatchObject({ code: 'import-too-large' })
    expect([...world.store.files.keys()]).toEqual([])
  })
})

/** The length of the last section of a CAR. */
const sectionLength = (car: Uint8Array): number => {
  let [at, last] = [0, 0]
  while (at < car.length) {
    let [value, scale, length] = [0, 1, 0]
    for (let byte = 0x80; byte >= 0x80; scale *= 128, length++) {
      byte = car[at + length] ?? 0
      value += (byte & 0x7f) * scale
    }
    last = length + value
    at += last
  }
  return last
}

describe('sending a repository', () => {
  it('names every record because of which a target refuses it, and goes on when the owner had them deleted', async () => {
    const world = await worldWith([], {
      more: MALFORMED_RECORDS,
      target: { refuseRecord: (path) => (path in MALFORMED_RECORDS ? 'no' : undefined) },
    })
    const { facts } = await world.fetchRepo()
    const options = { did: world.did, target: world.to, store: world.store, facts }
    const refused = await sendRepo(world.deps, options)
    if (refused.outcome !== 'refused') throw new Error(refused.outcome)
    const uris = refused.records.map(({ uri }) => uri)
    expect(uris).toEqual(Object.keys(MALFORMED_RECORDS).map((path) => `at://${world.did}/${path}`))
    expect(refused.records[0]?.problem).toContain('floating point')
    expect(refused.reason).toContain('Could not parse record')
    expect(world.there.repo.records.size).toBe(0)

    await deleteAtSource(world.deps, world.from.client, world.did, uris)
    expect((await world.copy()).sent.outcome).toBe('sent')
    expect(lacking(world)).toEqual([])
    expect(world.there.repo.records.size).toBe(12)
  })

  it('names a record that is right, if the target names it', async () => {
    const world = await worldWith([], {
      target: { refuseRecord: (path) => (path === postPath(3) ? 'no' : undefined) },
    })
    const { facts } = await world.fetchRepo()
    const refused = await sendRepo(world.deps, {
      did: world.did,
      target: world.to,
      store: world.store,
      facts,
    })
    expect(refused).toMatchObject({
      outcome: 'refused',
      records: [{ uri: `at://${world.did}/${postPath(3)}` }],
    })
  })

  it('sends it again where a target has forgotten some of it', async () => {
    const world = await worldWith()
    await world.copy()
    const [path, record] = [...world.there.repo.records][0] ?? []
    if (!path || !record) throw new Error('no record')
    const car = await world.there.repo.car()
    let forgets = true
    world.target.hooks.push({
      after: ({ method }, answer) => {
        if (method.endsWith('importRepo')) forgets = false
        return method.endsWith('getRepo') && forgets
          ? new Response(new Uint8Array(car.slice(0, car.length - sectionLength(car))), answer)
          : answer
      },
    })
    expect((await world.copy()).sent).toMatchObject({ outcome: 'already', target: { complete: true } })
    expect(world.target.calls.get('com.atproto.repo.importRepo')).toBe(2)
  })
})
