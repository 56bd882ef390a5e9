// The reason why Cirrus exists: an account leaves it for the reference PDS, driven by what `pds migrate-token` prints.
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { pds } from '../../demo/pds.ts'
import { folder, member, pds as pdsHere } from '../cli/support.ts'
import {
  admin,
  claims,
  mint,
  moveTo,
  ownerAuth,
  problems,
  refusal,
  startScene,
  startStage,
  status,
  write,
  type Scene,
  type Stage,
} from './support/cirrus.ts'
import { basic, copyMissingBlobs, moveWithToken, query, type TokenMoved } from './support/token.ts'
import { readIdentity, readRepo, wrongBlobs } from './support/verify.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage?.[Symbol.asyncDispose]())

describe.each([
  { createWith: 'service-auth', handle: 'alice.test' },
  { createWith: 'migration-token', handle: 'bob.test' },
] as const)('Cirrus to the reference PDS with a migration token; createAccount by $createWith', (kind) => {
  let scene: Scene
  let token: string
  let moved: TokenMoved

  beforeAll(async () => {
    scene = await startScene(stage, { handle: kind.handle, records: 300, blobs: 12 })
    token = await pds(scene.cirrus, 'migrate-token', '--target', scene.reference.url)
    moved = await moveWithToken({
      ...moveTo(scene, token),
      createWith: kind.createWith,
      deactivateWith: basic(scene.cirrus.adminPassword),
    })
  })
  afterAll(() => scene?.[Symbol.asyncDispose]())

  it('takes a token that is bound to the target', () => {
    expect(claims(token)).toMatchObject({
      iss: scene.did,
      aud: scene.reference.did,
      target: scene.reference.url,
      lxm: 'com.atproto.server.createAccount',
    })
  })

  it('copies every record, under the same root', async () => {
    const after = await readRepo(scene.reference.url, scene.did)
    expect(after.data).toBe(scene.before.data)
    expect(after.records).toEqual(scene.before.records)
    expect(after.records).toEqual(scene.seeded.records)
  })

  it('copies every blob, byte for byte and with its type', async () => {
    expect([...moved.blobs].sort()).toEqual(scene.seeded.blobs.map(({ cid }) => cid).sort())
    expect(await wrongBlobs(scene.reference.url, scene.did, scene.seeded)).toEqual([])
    expect(await copyMissingBlobs(moved)).toEqual([])
  })

  it('copies the preferences', async () => {
    const kept = await query(scene.reference.url, 'app.bsky.actor.getPreferences', moved.target)
    const had = await query(scene.cirrus.url, 'app.bsky.actor.getPreferences', moved.source)
    expect(kept).toEqual(had)
  })

  it('makes the DID name the target, and keeps the recovery key first', async () => {
    const identity = await readIdentity(stage.plc.url, scene.did)
    expect(identity).toMatchObject({ pds: scene.reference.url, alsoKnownAs: [`at://${kind.handle}`] })
    expect(identity.rotationKeys[0]).toBe(scene.cirrus.account.recoveryKeys[0])
    const account = await query(scene.reference.url, 'com.atproto.server.checkAccountStatus', moved.target)
    expect(account).toMatchObject({
      activated: true,
      validDid: true,
      indexedRecords: 300,
      expectedBlobs: 12,
      importedBlobs: 12,
    })
  })

  it('leaves the source deactivated, and the source says so', async () => {
    const { url } = scene.cirrus
    expect(await query(url, 'com.atproto.sync.getRepoStatus', undefined, { did: scene.did })).toEqual({
      did: scene.did,
      active: false,
      status: 'deactivated',
    })
    await expect(readRepo(url, scene.did)).rejects.toThrow('RepoDeactivated')
    const refused = await refusal(write(url, scene.did, await ownerAuth(scene.cirrus)))
    expect(refused).toMatchObject({ status: 403, error: 'AccountDeactivated' })
    for (const path of [
      '/xrpc/com.atproto.server.describeServer',
      '/xrpc/_health',
      '/.well-known/atproto-did',
    ])
      expect((await fetch(url + path)).status).toBe(200)
    expect(await status(scene.cirrus)).toMatchObject({
      state: 'deactivated',
      identity: { movedAway: true, pds: scene.reference.url },
      unsubmitted: [],
      next: expect.stringContaining('The move is done'),
    })
  })

  it('leaves the source readable for the token and the owner, and whole', async () => {
    const { url } = scene.cirrus
    const byToken = await readRepo(url, scene.did, { token })
    expect(byToken.commit).toBe(scene.before.commit)
    const bySession = (await ownerAuth(scene.cirrus)).slice('Bearer '.length)
    expect((await readRepo(url, scene.did, { token: bySession })).data).toBe(scene.before.data)
    expect(await wrongBlobs(url, scene.did, scene.seeded, token)).toEqual([])
    expect(await problems(scene.cirrus)).toEqual([])
  })

  it('is proven complete by `pds verify`, with a statement that Cirrus signs and that needs no network', async () => {
    await using project = await folder()
    await writeFile(project.in('wrangler.toml'), `[vars]\nPLC_DIRECTORY_URL = "${stage.plc.url}"\n`)
    const { cirrus, reference } = scene
    const env = { ADMIN_PASSWORD: cirrus.adminPassword, ADMIN_PASSWORD_HOST: cirrus.url }
    const to = ['--to', reference.url, '--host', cirrus.url, '--all-blobs', '--json']
    const proven = await pdsHere(['verify', ...to], { cwd: project.path, env })
    expect(proven.json).toMatchObject({
      ok: true,
      signed: true,
      recorded: true,
      records: { same: 300, added: 0, changed: 0, goneCount: 0 },
      blobs: { referenced: 12, present: 12, hashed: 12, missingCount: 0 },
      source: { data: scene.before.data },
      target: { data: scene.before.data },
    })
    expect(await status(cirrus)).toMatchObject({
      retention: { pds: reference.url, verified: true },
      next: expect.stringContaining('pds backup'),
    })
    const statement = ['verify', '--statement', 'move-statement.json', '--json']
    const offline = { cwd: project.path, fetch: () => Promise.reject(new Error('it asked the network')) }
    const checked = await pdsHere(statement, offline)
    const levels = [member(checked.json, 'checks')]
      .flat()
      .map((check) => [member(check, 'id'), member(check, 'level')])
    // The reference serves the repository as it was signed here, until the next write.
    expect(Object.fromEntries(levels)).toMatchObject({
      log: 'pass',
      head: 'pass',
      source: 'pass',
      records: 'pass',
      signature: 'pass',
      verdict: 'pass',
    })
  })

  it('keeps neither the token nor a password in the journal', async () => {
    const journal = JSON.stringify(await admin(scene.cirrus, 'com.cirrus.admin.getJournal'))
    expect(journal).toContain('"mint"')
    expect(journal).toContain('"sign"')
    for (const secret of [token, scene.cirrus.password, scene.cirrus.adminPassword, scene.cirrus.signingKey])
      expect(journal).not.toContain(secret)
  })

  it('lets the account write on the target, with a later revision and the new key', async () => {
    await write(scene.reference.url, scene.did, moved.target)
    const { signingKey = '' } = await readIdentity(stage.plc.url, scene.did)
    const after = await readRepo(scene.reference.url, scene.did, { signingKey })
    expect(after.rev > scene.before.rev).toBe(true)
    expect(after.records.size).toBe(301)
  })

  it('signs no further operation', async () => {
    const fresh = await pds(scene.cirrus, 'migrate-token', '--target', scene.reference.url)
    expect(String(claims(fresh)['scope'])).not.toContain('plc:sign')
    const asked = await refusal(mint(scene.cirrus, { target: scene.reference, scope: ['plc:sign'] }))
    expect(asked.error).toBe('InvalidScope')
  })
})
