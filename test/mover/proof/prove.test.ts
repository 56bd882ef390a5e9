import { expect, it } from 'vitest'
import { checkStatement } from '../../../src/mover/proof/checkStatement.ts'
import { prove, type ProofOptions } from '../../../src/mover/proof/prove.ts'
import { parseStatement } from '../../../src/mover/proof/statement.ts'
import type { StoredFile } from '../../../src/mover/moveStore.ts'
import { testRandom } from '../../crypto/support.ts'
import { blobBytes, type FakeWorld, post, postPath } from '../fakes/fakeWorld.ts'
import { fakeKey } from '../fakes/keys.ts'
import { movedWorld, type MovedWorld } from './movedWorld.ts'
import { streamOf } from '../../repo/fixture.ts'

const chunksOf = async (body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return chunks
}

/** A place for files that is gone with the test. */
const memoryStore = () => {
  const files = new Map<string, Buffer>()
  const open = (bytes: Buffer): StoredFile => ({
    size: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    stream: () => new Blob([new Uint8Array(bytes)]).stream(),
    blob: async () => new Blob([new Uint8Array(bytes)]),
    close: () => undefined,
  })
  return {
    name: 'memory',
    async writeFile(name: string, body: AsyncIterable<Uint8Array>) {
      const bytes = Buffer.concat(await chunksOf(body))
      files.set(name, bytes)
      return bytes.length
    },
    async openFile(name: string) {
      const bytes = files.get(name)
      return bytes && open(bytes)
    },
  }
}

/** The target's repository, signed again with a key that the DID never named. */
const signedByNobody = async ({ made, world }: MovedWorld): Promise<Uint8Array> => {
  await made.repo.commit(await fakeKey('nobody'), world.network.now())
  return made.repo.car()
}

/** What `prove` finds, and what is not a pass of it. */
const proof = async ({ world }: MovedWorld, options: Partial<ProofOptions> = {}) => {
  const { network, source, target, did, directory } = world
  const side = (pds: FakeWorld['source']) => ({ origin: pds.origin, client: world.client(pds) })
  const statement = await prove(
    {
      fetch: network.fetch,
      now: () => network.now(),
      random: testRandom(),
      wait: network.wait,
      signal: new AbortController().signal,
      directoryUrl: directory.origin,
      dev: false,
    },
    {
      did,
      source: side(source),
      target: side(target),
      relays: [],
      sample: Infinity,
      left: [],
      store: memoryStore(),
      ...options,
    },
  )
  const found = statement.checks.filter(({ level }) => level !== 'pass')
  return { statement, found: found.map(({ id, level, seen }) => `${id} ${level}: ${seen}`) }
}

/** The handle resolves as its host says. */
const serveHandle = ({ world }: MovedWorld, did = world.did) => {
  world.network.wildcards.unshift(({ url }) =>
    url.hostname === world.handle && url.pathname === '/.well-known/atproto-did'
      ? new Response(did)
      : undefined,
  )
}

const setUp = async (): Promise<MovedWorld> => {
  const found = await movedWorld()
  serveHandle(found)
  return found
}

it('proves a complete move, with a statement that can be checked offline', async () => {
  const all = await setUp()
  const { statement, found } = await proof(all)
  expect(found).toEqual([])
  expect(statement).toMatchObject({
    complete: true,
    records: { same: 12, added: 0, changed: 0, goneCount: 0 },
    blobs: { referenced: 3, present: 3, hashed: 3, missingCount: 0 },
    source: { data: all.world.account.repo.data, records: 12 },
    target: { data: all.world.account.repo.data, records: 12 },
  })
  const again = parseStatement(JSON.parse(JSON.stringify({ statement })))
  const levels = (await checkStatement(again)).filter(({ level }) => level !== 'pass').map(({ id }) => id)
  expect(levels).toEqual(['signature'])
})

it('hashes only a sample if that is asked for, and still asks for every blob', async () => {
  const { statement } = await proof(await setUp(), { sample: 1 })
  expect(statement.blobs).toMatchObject({ referenced: 3, present: 3, hashed: 1 })
})

it('tells what was written on the target since from what is missing there', async () => {
  const all = await setUp()
  const { world, made } = all
  await world.target.write(made, { [postPath(77)]: post('after the move') })
  expect(await proof(all)).toMatchObject({
    statement: { complete: true, records: { same: 12, added: 1, changed: 0, goneCount: 0 } },
    found: [],
  })
  await world.target.write(made, { [postPath(0)]: undefined, [postPath(1)]: post('changed') })
  const { statement, found } = await proof(all)
  expect(statement.records).toMatchObject({ same: 10, added: 1, changed: 1, gone: [postPath(0)] })
  expect(found).toEqual([
    expect.stringMatching(/^records warn: 10 records are the same.*1 only the source has/),
  ])
})

it('finds blobs that the target lists and does not have, has with other bytes, or fails to give', async () => {
  const all = await setUp()
  const { world, made } = all
  const cids = [...made.blobs.keys()]
  const [lost = '', changed = '', failing = ''] = cids
  made.blobs.delete(lost)
  made.blobs.set(changed, { bytes: blobBytes(99), mimeType: 'image/png' })
  world.target.hooks.push({
    before: ({ method, params }) =>
      method === 'com.atproto.sync.getBlob' && params.get('cid') === failing
        ? new Response('{"error":"InternalServerError"}', {
            status: 500,
            headers: { 'content-type': 'application/json' },
          })
        : undefined,
  })
  const { statement, found } = await proof(all)
  expect(statement).toMatchObject({ complete: false, blobs: { present: 0, missingCount: 3 } })
  expect(statement.blobs.missing.toSorted()).toEqual(cids.toSorted())
  expect(found).toEqual([expect.stringMatching(/^blobs fail: 3 of 3 blobs \(.*missing/)])
})

it('does not fail for what neither side has, or what the owner left behind', async () => {
  const all = await setUp()
  const { world, made } = all
  const [lost = '', left = ''] = [...made.blobs.keys()]
  for (const cid of [lost, left]) made.blobs.delete(cid)
  world.account.blobs.delete(lost)
  expect(await proof(all, { left: [left] })).toMatchObject({
    statement: { complete: true, blobs: { missingCount: 2 } },
    found: [expect.stringMatching(/^blobs warn: 1 of 3 blobs neither side has/)],
  })
  // Nobody can say that the source lost it if the source is not there.
  expect((await proof(all, { left: [left], source: undefined })).found).toEqual([
    expect.stringMatching(/^source warn/),
    expect.stringMatching(/^blobs fail: 1 of 3 blobs/),
  ])
})

it('finds a DID that names another server, a handle that leads elsewhere, and relays that lag', async () => {
  const all = await movedWorld()
  serveHandle(all, 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb')
  const { world, made } = all
  const relay = (name: string, answer: object, status = 200) => {
    world.network.add(`https://${name}.fake-pds.org`, () => Response.json(answer, { status }))
    return `https://${name}.fake-pds.org`
  }
  const { did } = world
  const relays = [
    relay('follows', { did, active: true, rev: made.repo.rev }),
    relay('lags', { did, active: true, rev: '3aaaaaaaaaa22' }),
    relay('stopped', { did, active: false, status: 'deactivated' }),
    relay('ignorant', { error: 'RepoNotFound' }, 404),
    'https://gone.fake-pds.org',
  ]
  const { statement, found } = await proof(all, { relays })
  expect(statement.complete).toBe(false)
  expect(found.map((line) => line.split(':')[0])).toEqual([
    'handle fail',
    'relay lags.fake-pds.org warn',
    'relay stopped.fake-pds.org warn',
    'relay ignorant.fake-pds.org warn',
    'relay gone.fake-pds.org warn',
  ])
  const elsewhere = await proof(all, {
    target: { origin: 'https://third.fake-pds.org', client: world.client(world.target) },
  })
  expect(elsewhere.found[0]).toMatch(/^directory fail: the DID names https:\/\/new.fake-pds.org/)
})

it('takes a repository that is still signed as it was at the source, and says so', async () => {
  const all = await setUp()
  const car = await all.world.account.repo.car()
  await all.made.repo.import(car, all.world.account.repo.rev)
  const { statement, found } = await proof(all)
  expect(statement.complete).toBe(true)
  expect(found).toEqual([expect.stringMatching(/^repository warn: .*an earlier key of the account/)])
  const levels = (await checkStatement({ statement })).filter(({ level }) => level !== 'pass')
  expect(levels.map(({ id, level }) => `${id} ${level}`)).toEqual(['target warn', 'signature warn'])
})

it('says that the directory is not there, rather than that a signature is wrong', async () => {
  const all = await setUp()
  all.world.directory.hooks.push(() => new Response('', { status: 503 }))
  await expect(proof(all)).rejects.toMatchObject({ code: 'directory-unavailable' })
})

it('states nothing about a repository that does not verify', async () => {
  const all = await setUp()
  const { world } = all
  const served = async (bytes: Promise<Uint8Array> | Uint8Array) => {
    const body = await bytes
    world.target.hooks.splice(0, 9, {
      before: ({ method }) =>
        method === 'com.atproto.sync.getRepo'
          ? new Response(streamOf(body), { headers: { 'content-type': 'application/vnd.ipld.car' } })
          : undefined,
    })
  }
  const car = Buffer.from(await all.made.repo.car())
  // Another account's, one signed by another key, one that is cut off, one with a changed byte, none at all.
  const cases: [string, Uint8Array][] = [
    ['BadSignature', await signedByNobody(all)],
    ['TruncatedCar', car.subarray(0, car.length - 9)],
    ['HashMismatch', Buffer.concat([car.subarray(0, -3), Buffer.from([1, 2, 3])])],
    ['', new Uint8Array()],
  ]
  for (const [code, bytes] of cases) {
    await served(bytes)
    await expect(proof(all), code).rejects.toMatchObject({
      name: 'MoverError',
      code: 'copy-incomplete',
      message: expect.stringContaining(code),
    })
  }
})
