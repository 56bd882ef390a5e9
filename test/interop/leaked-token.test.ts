// A leaked token does not give the account away: what a thief or a malicious target can do with it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { newKey } from '../../dev/account.ts'
import {
  command,
  mint,
  moveTo,
  ownerAuth,
  refusal,
  startScene,
  startStage,
  status,
  write,
  type Scene,
  type Stage,
} from './support/cirrus.ts'
import { bearer, beginWithToken, procedure, query, signCredentials } from './support/token.ts'
import { readIdentity } from './support/verify.ts'

interface Operation {
  readonly rotationKeys: string[]
  readonly services: Record<string, { type: string; endpoint: string }>
}

let stage: Stage
let scene: Scene
let thief: string

beforeAll(async () => {
  stage = await startStage()
  thief = (await newKey()).did
})
afterAll(() => stage?.[Symbol.asyncDispose]())

/** An account for each group of tests, because at most ten tokens an hour are minted. */
const account = (handle: string) => {
  beforeAll(async () => {
    scene = await startScene(stage, { handle, records: 10, blobs: 1 })
  })
  afterAll(() => scene?.[Symbol.asyncDispose]())
}

const pdsAt = (endpoint: string) => ({
  services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint } },
})

/** signPlcOperation with the token as the Bearer and nothing else. */
const sign = (token: string, credentials: object) =>
  signCredentials({ sourceUrl: scene.cirrus.url, source: bearer(token) }, token, credentials)

describe('a token without a target', () => {
  account('alice.test')

  it('signs nothing as a Bearer', async () => {
    const token = await mint(scene.cirrus)
    const refused = await refusal(sign(token, pdsAt('http://localhost:9')))
    expect(refused).toMatchObject({ status: 400, error: 'InvalidToken' })
    expect((await status(scene.cirrus)).unsubmitted).toEqual([])
  })

  it('signs only beside the account’s own session', async () => {
    const token = await mint(scene.cirrus)
    const body = { token, ...pdsAt('http://localhost:9') }
    const method = 'com.atproto.identity.signPlcOperation'
    const post = (init: RequestInit) =>
      fetch(`${scene.cirrus.url}/xrpc/${method}`, { method: 'POST', body: JSON.stringify(body), ...init })
    const nobody = await post({ headers: { 'content-type': 'application/json' } })
    expect(nobody.status).toBe(401)
    expect(await nobody.json()).toMatchObject({ error: 'AuthMissing' })
    const alone = await refusal(
      procedure(scene.cirrus.url, method, await ownerAuth(scene.cirrus), pdsAt('http://localhost:9')),
    )
    expect(alone).toMatchObject({ status: 400, error: 'InvalidToken' })
  })
})

describe('a token for one target', () => {
  account('bob.test')

  it('signs for no other endpoint', async () => {
    const token = await mint(scene.cirrus, { target: scene.reference })
    const refused = await refusal(sign(token, pdsAt('http://localhost:9')))
    expect(refused).toMatchObject({ status: 400 })
    expect(refused.message).toContain(scene.reference.url)
    // Nor without an endpoint, which would change the keys only.
    expect((await refusal(sign(token, { rotationKeys: [thief] }))).status).toBe(400)
  })

  it('changes nothing but the PDS and the signing key', async () => {
    const token = await mint(scene.cirrus, { target: scene.reference })
    const labeler = { type: 'AtprotoLabeler', endpoint: 'https://thief.example' }
    const { services } = pdsAt(scene.reference.url)
    const refused = await refusal(sign(token, { services: { ...services, atproto_labeler: labeler } }))
    expect(refused.message).toContain('atproto_labeler')
    const methods = { verificationMethods: { atproto_label: thief } }
    expect((await refusal(sign(token, { services, ...methods }))).message).toContain('atproto_label')
  })

  it('lets no target evict the owner', async () => {
    const token = await mint(scene.cirrus, { target: scene.reference })
    const [recovery = ''] = scene.cirrus.account.recoveryKeys
    // The target asks for its own key only; the owner's key stays first.
    const asked = { ...pdsAt(scene.reference.url), rotationKeys: [thief] }
    const signed = (await sign(token, asked)) as Operation
    expect(signed.rotationKeys).toEqual([recovery, thief])
    // Nor can it be moved behind the target's key.
    const other = await mint(scene.cirrus, { target: scene.reference })
    const turned = (await sign(other, { ...asked, rotationKeys: [thief, recovery] })) as Operation
    expect(turned.rotationKeys).toEqual([recovery, thief])
    // Nor can many other keys push it out of the list.
    const many = await Promise.all(Array.from({ length: 5 }, newKey))
    const third = await mint(scene.cirrus, { target: scene.reference })
    const refused = await refusal(sign(third, { ...asked, rotationKeys: many.map(({ did }) => did) }))
    expect(refused).toMatchObject({ status: 400 })
    expect(refused.message).toContain('at most 5')
  })

  it('signs one operation, once', async () => {
    const token = await mint(scene.cirrus, { target: scene.reference })
    const first = await sign(token, pdsAt(scene.reference.url))
    expect(await sign(token, pdsAt(scene.reference.url))).toEqual(first)
    const second = await refusal(sign(token, { ...pdsAt(scene.reference.url), rotationKeys: [thief] }))
    expect(second).toMatchObject({ status: 400, error: 'InvalidToken' })
  })

  it('creates no account elsewhere', async () => {
    const elsewhere = { url: 'http://localhost:9', did: 'did:web:localhost%3A9' }
    const token = await mint(scene.cirrus, { target: elsewhere })
    const move = moveTo(scene, token)
    const given = await refusal(beginWithToken({ ...move, createWith: 'migration-token' }))
    expect(given.method).toBe('com.atproto.server.createAccount')
    const exchanged = await refusal(beginWithToken(move))
    expect(exchanged.method).toBe('com.atproto.server.getServiceAuth')
    const lxm = 'com.atproto.repo.createRecord'
    const aud = elsewhere.did
    const broader = await refusal(
      query(scene.cirrus.url, 'com.atproto.server.getServiceAuth', bearer(token), { aud, lxm }),
    )
    expect(broader.status).toBe(400)
  })

  it('writes nothing, mints nothing, and shows no status', async () => {
    const { url } = scene.cirrus
    const token = bearer(await mint(scene.cirrus, { target: scene.reference }))
    expect((await refusal(write(url, scene.did, token))).status).toBe(400)
    const minted = procedure(url, 'com.cirrus.admin.createMigrationToken', token, {})
    expect((await refusal(minted)).status).toBe(400)
    expect((await refusal(query(url, 'com.cirrus.admin.getStatus', token))).status).toBe(400)
    expect((await refusal(query(url, 'com.atproto.server.getSession', token))).status).toBe(400)
    expect((await refusal(procedure(url, 'com.atproto.server.deactivateAccount', token, {}))).status).toBe(
      400,
    )
  })

  it('gives nothing once it is revoked', async () => {
    const token = await mint(scene.cirrus, { target: scene.reference })
    await command(scene.cirrus, 'com.cirrus.admin.revokeMigrationTokens')
    expect(await refusal(sign(token, pdsAt(scene.reference.url)))).toMatchObject({ error: 'InvalidToken' })
    const read = query(scene.cirrus.url, 'com.atproto.sync.getLatestCommit', bearer(token), {
      did: scene.did,
    })
    expect((await refusal(read)).error).toBe('InvalidToken')
  })

  it('leaves a trace of everything that was signed, and the DID where it was', async () => {
    expect(await readIdentity(stage.plc.url, scene.did)).toMatchObject({ pds: scene.cirrus.url })
    const { unsubmitted, next } = await status(scene.cirrus)
    expect(unsubmitted.length).toBeGreaterThanOrEqual(2)
    expect(next).toContain('pds identity --void')
  })
})
