import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { copyBlobs } from '../../../src/mover/copy/copyBlobs.ts'
import { rawCid } from '../fakes/fakeRepo.ts'
import { blobBytes, imagePost, postPath } from '../fakes/fakeWorld.ts'
import { broken } from '../fakes/faults/fault.ts'
import { worldWith } from './support.ts'

const UPLOAD = 'com.atproto.repo.uploadBlob'

/** A world with one more blob of this size. */
const withLarge = async (size: number, chunk = 100_000) => {
  const bytes = new Uint8Array(randomBytes(size))
  const world = await worldWith([], { blobs: 1, more: { [postPath(777)]: imagePost(bytes, 'video/mp4') } })
  const cid = world.source.putBlob(world.account, bytes, 'video/mp4')
  // In pieces, as from a network.
  world.source.hooks.push({
    after: ({ method, params }, answer) => {
      if (!method.endsWith('getBlob') || params.get('cid') !== cid || !answer.ok) return answer
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= size) return controller.close()
          controller.enqueue(bytes.slice(at, (at += chunk)))
        },
      })
      return new Response(body, answer)
    },
  })
  return { world, cid, bytes }
}

describe('blobs', () => {
  it('that only deleted records refer to are not needed, whatever the servers count', async () => {
    const world = await worldWith()
    await world.copy()
    const [cid] = world.account.repo.records.get(postPath(10_000))?.blobs ?? []
    if (!cid) throw new Error('no blob')
    world.there.blobs.delete(cid)
    await world.source.write(world.account, { [postPath(10_000)]: undefined })
    const { blobs } = await world.copy()
    expect(blobs).toMatchObject({ needed: 2, already: 2, copied: 0, missing: [] })
    const counted = await world.to.client.com.atproto.server.checkAccountStatus()
    expect(counted).toMatchObject({ expectedBlobs: 3, importedBlobs: 2 })
  })

  it('that are copied at the same time are all in the sum of bytes', async () => {
    const world = await worldWith([], { records: 12, blobs: 12 })
    const { blobs } = await world.copy()
    const sizes = [...world.there.blobs.values()].map(({ bytes }) => bytes.length)
    expect(blobs).toMatchObject({ copied: 12, bytes: sizes.reduce((sum, size) => sum + size, 0) })
  })

  it('that the target lost since are copied again, and only those', async () => {
    const world = await worldWith()
    await world.copy()
    const [cid] = world.there.blobs.keys()
    world.there.blobs.delete(cid ?? '')
    expect((await world.copy()).blobs).toMatchObject({ already: 2, copied: 1, missing: [] })
  })

  it('of a large size pass through, with their length and type', async () => {
    const { world, cid, bytes } = await withLarge(9_000_000)
    const lengths: (string | null)[] = []
    world.target.hooks.push({
      before: ({ method, sent }) => {
        if (method === UPLOAD) lengths.push(sent.headers.get('content-length'))
        return undefined
      },
    })
    expect((await world.copy()).blobs).toMatchObject({ copied: 2, missing: [] })
    expect(world.there.blobs.get(cid)).toMatchObject({ mimeType: 'video/mp4' })
    expect(Buffer.compare(world.there.blobs.get(cid)?.bytes ?? new Uint8Array(), bytes)).toBe(0)
    expect(lengths).toContain('9000000')
  })

  it('of a large size with other bytes never reach the target as a whole', async () => {
    const { world, cid, bytes } = await withLarge(9_000_000)
    bytes.set([(bytes.at(-1) ?? 0) ^ 1], 8_999_999)
    const { blobs } = await world.copy()
    expect(blobs.missing).toMatchObject([{ cid, side: 'source', reason: 'wrong-bytes' }])
    expect(world.target.calls.get(UPLOAD)).toBe(1)
  })

  it('of a large size are begun again when they break off', async () => {
    const { world, cid } = await withLarge(6_000_000)
    let times = 0
    world.source.hooks.push({
      after: ({ method, params }, answer) =>
        method.endsWith('getBlob') && params.get('cid') === cid && ++times === 1 ? broken(answer) : answer,
    })
    expect((await world.copy()).blobs).toMatchObject({ copied: 2, missing: [] })
  })

  it('are sent under the type that the bytes show where neither source nor record says one', async () => {
    const gif = new Uint8Array(Buffer.from('GIF89a and more of it'))
    const world = await worldWith([], { blobs: 0, more: { [postPath(777)]: imagePost(gif, '*/*') } })
    const cid = world.source.putBlob(world.account, gif, '*/*')
    await world.copy()
    expect(world.there.blobs.get(cid)?.mimeType).toBe('image/gif')
  })

  it('go at most so many at a time', async () => {
    const world = await worldWith([], { records: 40, blobs: 40 })
    let [now, most] = [0, 0]
    world.source.hooks.push({
      before: async ({ method }) => {
        if (!method.endsWith('getBlob')) return undefined
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 1))
        now--
        return undefined
      },
    })
    const { facts } = await world.fetchRepo()
    const options = { did: world.did, source: world.from, target: world.to, blobs: facts.blobs, parallel: 4 }
    expect((await copyBlobs(world.deps, options)).copied).toBe(40)
    expect(most).toBe(4)
  })

  it.each([
    { say: 'that records say are of 3 MB', size: 3_000_000 as number | undefined, most: 2 },
    { say: 'of which records say no size', size: undefined, most: 2 },
    { say: 'that records say are of 1 MB', size: 1_000_000, most: 6 },
    { say: 'that are too large to be held', size: 50_000_000, most: 6 },
  ])('$say are under way at most $most at a time', async ({ size, most }) => {
    const world = await worldWith([], { records: 20, blobs: 20 })
    let [now, found] = [0, 0]
    world.source.hooks.push({
      before: async ({ method }) => {
        if (!method.endsWith('getBlob')) return undefined
        found = Math.max(found, ++now)
        await new Promise((resolve) => setTimeout(resolve, 1))
        now--
        return undefined
      },
    })
    const { facts } = await world.fetchRepo()
    const blobs = new Map([...facts.blobs].map(([cid, blob]) => [cid, { ...blob, size }]))
    const options = { did: world.did, source: world.from, target: world.to, blobs }
    expect(await copyBlobs(world.deps, options)).toMatchObject({ copied: 20, missing: [] })
    expect(found).toBe(most)
  })

  it('arrive whatever size their record says', async () => {
    const { world, cid } = await withLarge(6_000_000)
    const { facts } = await world.fetchRepo()
    for (const size of [1, 100, 7_000_000, -1, undefined]) {
      world.there.blobs.clear()
      const blobs = new Map([...facts.blobs].map(([name, blob]) => [name, { ...blob, size }]))
      const options = { did: world.did, source: world.from, target: world.to, blobs }
      expect(await copyBlobs(world.deps, options)).toMatchObject({ copied: 2, missing: [] })
      expect(world.there.blobs.get(cid)?.bytes).toHaveLength(6_000_000)
    }
  })

  it('wait as long as a server asks for, and no longer', async () => {
    const world = await worldWith()
    let n = 0
    world.target.hooks.push({
      before: ({ method }) =>
        method === UPLOAD && ++n === 2
          ? Response.json({ error: 'RateLimitExceeded' }, { status: 429, headers: { 'retry-after': '70' } })
          : undefined,
    })
    const before = world.network.now()
    expect((await world.copy()).blobs.missing).toEqual([])
    expect(world.network.now() - before).toBe(70_000)
  })

  it('end the copy when the session is over for good', async () => {
    const world = await worldWith()
    world.source.hooks.push({
      before: ({ method }) =>
        method.endsWith('getBlob') || method.endsWith('refreshSession')
          ? Response.json({ error: 'ExpiredToken', message: 'Token has expired' }, { status: 400 })
          : undefined,
    })
    await expect(world.copy()).rejects.toMatchObject({ code: 'token-expired' })
  })

  it('report their progress to the end', async () => {
    const world = await worldWith()
    const { facts } = await world.fetchRepo()
    const seen: (number | undefined)[] = []
    const deps = {
      ...world.deps,
      progress: ({ count }: { count?: number | undefined }) => void seen.push(count),
    }
    await copyBlobs(deps, { did: world.did, source: world.from, target: world.to, blobs: facts.blobs })
    expect(seen).toEqual([0, 1, 2, 3])
  })
})

describe('preferences', () => {
  const preference = (name: string) => ({ $type: `app.bsky.actor.defs#${name}` })

  it('that a target refuses are left out, by name, and the others arrive', async () => {
    const world = await worldWith()
    world.account.preferences = ['a', 'bad', 'b'].map(preference)
    world.target.hooks.push({
      before: ({ method, input }) =>
        method.endsWith('putPreferences') && JSON.stringify(input()).includes('#bad')
          ? Response.json(
              { error: 'InvalidRequest', message: 'Some preferences are not in the app.bsky namespace' },
              { status: 400 },
            )
          : undefined,
    })
    const { preferences } = await world.copy()
    expect(preferences).toMatchObject({
      outcome: 'copied',
      count: 2,
      left: [expect.stringContaining('#bad')],
    })
    expect(world.there.preferences).toEqual(['a', 'b'].map(preference))
  })

  it('that are not preferences are left out, by name', async () => {
    const world = await worldWith()
    world.account.preferences = [preference('a'), { no: 'type' }]
    const { preferences } = await world.copy()
    expect(preferences).toMatchObject({
      outcome: 'copied',
      count: 1,
      left: [expect.stringContaining('preference 2')],
    })
  })

  it('that fail on either side are reported and stop nothing', async () => {
    const fails = (name: string) => ({
      before: ({ method }: { method: string }) =>
        method.endsWith(name)
          ? Response.json({ error: 'Nope', message: 'out of order' }, { status: 500 })
          : undefined,
    })
    const world = await worldWith()
    world.target.hooks.push(fails('putPreferences'))
    expect((await world.copy()).preferences).toEqual({
      outcome: 'target-refused',
      text: '500 Nope: out of order',
    })
    world.source.hooks.push(fails('getPreferences'))
    expect((await world.copy()).preferences).toEqual({
      outcome: 'source-failed',
      text: '500 Nope: out of order',
    })
  })
})

it('makes no request with a credential to another origin', async () => {
  const world = await worldWith()
  world.network.add('https://cdn.example', () => new Response(blobBytes(0)))
  world.source.hooks.push({
    before: ({ method }) =>
      method.endsWith('getBlob')
        ? new Response(null, { status: 301, headers: { location: 'https://cdn.example/x' } })
        : undefined,
  })
  await world.copy()
  const asked = world.network.requests.filter(({ origin }) => origin === 'https://cdn.example')
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.every(({ authorization }) => authorization === null)).toBe(true)
  expect(world.there.blobs.has(rawCid(blobBytes(0)).toString())).toBe(true)
})
