/**
 * A mover that has nothing but OAuth at the source: the calls and the scopes of PDS MOover, and its rescue of blobs that were
 * lost on the way. What the owner of a Cirrus pastes is what `pds migrate-token` prints.
 */
import { Agent, AtpAgent } from '@atproto/api'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startCirrus } from '../../../dev/cirrus.ts'
import { seedCirrus, signIn as session } from '../../../dev/seed.ts'
import { mint, problems, status } from '../support/cirrus.ts'
import { seed, type Seeded } from '../support/seed.ts'
import { readIdentity, readRepo, wrongBlobs } from '../support/verify.ts'
import type { SignIn } from './support/authorization.ts'
import { authorizeByHttp } from './support/httpAuthorization.ts'
import { loopbackApp } from './support/nodeClient.ts'
import { copyMissingBlobs, leave, moveByOAuth, MOVE_SCOPE, RESCUE_SCOPE } from './support/oauthMover.ts'
import { startWorld, type Server, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.[Symbol.asyncDispose]())

const RECORDS = 60
const BLOBS = 9
const PASSWORD = 'a password of the target'

/** An app's session with the scopes that it asks for, on whichever server the owner signs in to. */
const signIn = async (server: SignIn, scope: string) => {
  const app = loopbackApp({ ...world, handleResolver: server.url }, { scope })
  const url = await app.client.authorize(server.did)
  const { params } = await authorizeByHttp(server, { url, redirectUri: app.redirectUri })
  return (await app.client.callback(params)).session
}

interface Case {
  readonly source: Server
  readonly target: SignIn & { readonly email: string }
  readonly seeded: Seeded
  plcToken(did: string): Promise<string>
}

/** The move without a third of the blobs, the rescue, and what is then on the target. */
const moveAndRescue = async ({ source, target, seeded, plcToken }: Case): Promise<void> => {
  const { did, handle } = source
  const before = await readRepo(source.url, did)
  const lost = new Set(seeded.blobs.slice(0, BLOBS / 3).map(({ cid }) => cid))
  const grant = await signIn(source, MOVE_SCOPE)
  const { data: preferences } = await new Agent(grant).app.bsky.actor.getPreferences()
  const moved = await moveByOAuth({
    source: grant,
    target: { url: target.url, handle, email: target.email, password: target.password },
    plcToken: () => plcToken(did),
    isLost: (cid) => lost.has(cid),
  })
  expect(await wrongBlobs(target.url, did, seeded)).toEqual([...lost])

  const rescue = await signIn(target, RESCUE_SCOPE)
  expect((await copyMissingBlobs(grant, new Agent(rescue))).toSorted()).toEqual([...lost].toSorted())
  expect(await wrongBlobs(target.url, did, seeded)).toEqual([])
  await expect(
    new Agent(rescue).com.atproto.repo.deleteRecord({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey: 'post-000000',
    }),
  ).rejects.toMatchObject({ status: 403, error: 'ScopeMissingError' })

  const after = await readRepo(target.url, did)
  expect(after.data).toBe(before.data)
  expect(after.records.size).toBe(RECORDS)
  const owner = new AtpAgent({ service: target.url })
  await owner.login({ identifier: did, password: target.password })
  expect((await owner.app.bsky.actor.getPreferences()).data).toEqual(preferences)
  const { data: account } = await moved.com.atproto.server.checkAccountStatus()
  expect(account).toMatchObject({
    activated: true,
    validDid: true,
    expectedBlobs: BLOBS,
    importedBlobs: BLOBS,
  })
  expect(await readIdentity(world.plcUrl, did)).toMatchObject({
    pds: target.url,
    alsoKnownAs: [`at://${handle}`],
  })
  const { data: old } = await new Agent(grant).com.atproto.server.checkAccountStatus()
  expect(old).toMatchObject({ validDid: false, importedBlobs: BLOBS })
  await leave(grant)
  const { data: left } = await new AtpAgent({ service: source.url }).com.atproto.sync.getRepoStatus({ did })
  expect(left).toEqual({ did, active: false, status: 'deactivated' })
  // What is found missing later is still to be had here.
  if (source.name === 'cirrus') {
    const query = new URLSearchParams({ did, cid: seeded.blobs[0]?.cid ?? '' })
    const blob = await grant.fetchHandler(`/xrpc/com.atproto.sync.getBlob?${query}`)
    expect(blob.status).toBe(200)
  }
}

it('brings an account from Cirrus to the reference PDS', async () => {
  const { cirrus, reference } = world
  const source = world.servers.cirrus
  const seeded = await seedCirrus(cirrus.url, await session(cirrus.url, cirrus), {
    records: RECORDS,
    blobs: BLOBS,
  })
  const { did, handle } = source
  await moveAndRescue({
    source,
    target: {
      name: 'reference',
      url: reference.url,
      address: reference.url,
      ...{ did, handle, password: PASSWORD, email: 'moved@example.com' },
    },
    seeded,
    plcToken: () => mint(cirrus),
  })
  expect(await problems(cirrus)).toEqual([])
  expect((await status(cirrus)).next).toContain('The move is done')
})

it('brings an account from the reference PDS to Cirrus', async () => {
  const { reference } = world
  const source = world.servers.reference
  const { did, handle, email } = source
  const owner = new AtpAgent({ service: reference.url })
  await owner.login({ identifier: handle, password: source.password })
  const seeded = await seed(owner, { records: RECORDS, blobs: BLOBS })
  await using cirrus = await startCirrus({
    plcUrl: world.plcUrl,
    did,
    handle,
    password: PASSWORD,
    env: { APPVIEW: `${world.appView.url} ${world.appView.did}` },
  })
  await moveAndRescue({
    source,
    target: {
      name: 'cirrus',
      url: cirrus.url,
      address: cirrus.url,
      ...{ did, handle, email, password: PASSWORD },
    },
    seeded,
    plcToken: () => reference.plcToken(did),
  })
  expect(await problems(cirrus)).toEqual([])
  expect(await status(cirrus)).toMatchObject({
    state: 'active',
    blobs: { expected: BLOBS, stored: BLOBS },
    next: expect.stringContaining('All is well'),
  })
})
