// An account of 100,000 records and 2,000 blobs leaves Cirrus for the reference PDS as the user's guide says, while
// its owner goes on writing; the mover is killed half-way through the blobs. Each test goes on where the last one ended.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { carOf } from '../../../bench/data.ts'
import { pds } from '../../../demo/pds.ts'
import { activate as activateCirrus, startPlcCirrus } from '../../../dev/account.ts'
import { loadSigningKey } from '../../../src/signing/keys.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { ownerAuth, startStage, status, write, type SourceCirrus, type Stage } from '../support/cirrus.ts'
import { busyOwner, largeTree, pictureOf, rawCid, upload, type BusyOwner } from '../support/large.ts'
import { phases, type Phases } from '../support/phases.ts'
import * as step from '../support/token.ts'
import { bearer, call, pages, procedure, query, type TokenMoving } from '../support/token.ts'
import { readIdentity, readRepo } from '../support/verify.ts'

const RECORDS = Number(process.env['NIGHTLY_RECORDS'] ?? 100_000)
const BLOBS = Number(process.env['NIGHTLY_BLOBS'] ?? 2_000)
/** As many are bytewise the same on both sides; all of them have the hash that their CID says. */
const SAMPLE = 50

const pictures = Array.from({ length: BLOBS }, (_, n) => pictureOf(n, BLOBS))
/** Some are posted while the account moves. */
const late = pictures.filter((_, n) => n % 100 === 0)
const early = pictures.filter((picture) => !late.includes(picture))
const tree = largeTree(RECORDS, early)
const bytes = pictures.reduce((sum, picture) => sum + picture.bytes.length, 0)
const cids = pictures.map(({ cid }) => cid.toString()).sort()

const title = `${RECORDS} records and ${BLOBS} blobs of ${Math.round(bytes / 1e6)} MB`

describe(`${title}, from Cirrus to the reference PDS`, () => {
  let stage: Stage
  let cirrus: SourceCirrus
  let figures: Phases
  let owner: BusyOwner
  let moving: TokenMoving
  let root: string
  const total = () => RECORDS + owner.counts.created - owner.counts.deleted

  beforeAll(async () => {
    stage = await startStage()
    const deployed = { define: { __DEV__: 'false', __FAULTS__: 'false' } }
    cirrus = await startPlcCirrus({ plcUrl: stage.plc.url, handle: 'alice.test', bundle: deployed })
    figures = phases({ Cirrus: cirrus.pid, 'reference PDS': stage.reference.pid })
  })
  afterAll(async () => {
    figures?.report(`${title}; the most memory that each server's process had`)
    await owner?.stop().catch(() => {})
    await cirrus?.close()
    await stage?.[Symbol.asyncDispose]()
  })

  const token = () => pds(cirrus, 'migrate-token', '--target', stage.reference.url)
  const onTarget = () => query(stage.reference.url, 'com.atproto.server.checkAccountStatus', moving.target)
  const tokenOf = (authorization: string) => authorization.slice('Bearer '.length)

  it('comes to hold them', async () => {
    const { url, did, signingKey } = cirrus
    const authorization = await ownerAuth(cirrus)
    const body = new Uint8Array(await carOf(tree, did, signingKey))
    await procedure(url, 'com.atproto.server.deactivateAccount', authorization, {})
    await figures.run('importRepo into Cirrus', () =>
      call(url, 'com.atproto.repo.importRepo', authorization, { body, type: 'application/vnd.ipld.car' }),
    )
    await figures.run(`uploadBlob into Cirrus, ${early.length} times`, async () => {
      for (const picture of early) await upload(url, authorization, picture)
    })
    await activateCirrus(cirrus)
    const preferences = [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: false }]
    await procedure(url, 'app.bsky.actor.putPreferences', authorization, { preferences })
    expect(await query(url, 'com.atproto.server.checkAccountStatus', authorization)).toMatchObject({
      activated: true,
      indexedRecords: RECORDS,
      expectedBlobs: early.length,
      importedBlobs: early.length,
    })
    ;({ commit: root } = await readRepo(url, did))
  })

  it('gives the target one of its commits, whole, while the owner writes', async () => {
    const { url, did, signingKey } = cirrus
    const source = { url, did, authorization: await ownerAuth(cirrus) }
    const target = { url: stage.reference.url, handle: 'alice.test', email: 'a@example.com', password: 'new' }
    moving = await step.beginWithToken({ sourceUrl: url, token: await token(), did, target })
    owner = busyOwner(source, tree, late)
    // The import is slower than the export: the reference has read it all before it begins to store.
    await setTimeout(2_000)
    await figures.run('getRepo into importRepo, the owner writing', () => step.copyRepo(moving))
    const copied = await readRepo(stage.reference.url, did, {
      token: tokenOf(moving.target),
      signingKey: (await loadSigningKey(new Secret(signingKey))).did,
    })
    expect(owner.commits).toContain(copied.commit)
    expect(copied.commit).not.toBe(root)
    expect(await onTarget()).toMatchObject({ activated: false, indexedRecords: copied.records.size })
  })

  it('has the mover killed when half of the blobs are copied', async () => {
    const mover = fork(join(import.meta.dirname, '..', 'support', 'copy-blobs.ts'))
    const gone = once(mover, 'exit')
    const blobs = async () => Number(Object(await onTarget()).importedBlobs)
    await figures.run('half of the blobs, the owner writing', async () => {
      mover.send(moving)
      while (mover.exitCode === null && (await blobs()) < BLOBS / 2) await setTimeout(200)
      mover.kill('SIGKILL')
    })
    expect(await gone).toEqual([null, 'SIGKILL'])
    expect(await blobs()).toBeLessThan(BLOBS)
    await owner.stop()
  })

  it('goes on with another token, and copies no more than is missing', async () => {
    moving = { ...moving, source: bearer(await token()) }
    await figures.run('getRepo into importRepo, over the first', () => step.copyRepo(moving))
    const { expectedBlobs, importedBlobs } = Object(await onTarget())
    expect(expectedBlobs).toBe(BLOBS)
    const copied = await figures.run('the other half of the blobs', () => step.copyMissingBlobs(moving))
    expect(copied).toHaveLength(BLOBS - importedBlobs)
    expect(await step.copyMissingBlobs(moving)).toEqual([])
    await step.copyPreferences(moving)
    expect(await onTarget()).toMatchObject({
      indexedRecords: total(),
      expectedBlobs: BLOBS,
      importedBlobs: BLOBS,
    })
  })

  it('moves the DID, and deactivates', async () => {
    await figures.run('signed, submitted, activated; deactivated', async () => {
      const operation = await step.signOperation(moving, tokenOf(moving.source))
      await step.submitOperation(moving, operation)
      await step.activate(moving)
      await pds(cirrus, 'deactivate', '--yes')
    })
    expect(await readIdentity(stage.plc.url, cirrus.did)).toMatchObject({ pds: stage.reference.url })
    expect(await status(cirrus)).toMatchObject({ state: 'deactivated', unsubmitted: [] })
  })

  it('has the same tree on both sides', async () => {
    const { url, did } = cirrus
    const there = await figures.run('getRepo from the reference, verified', () =>
      readRepo(stage.reference.url, did),
    )
    const here = await figures.run('getRepo from Cirrus, verified', () =>
      readRepo(url, did, { token: tokenOf(moving.source) }),
    )
    expect(there.data).toBe(here.data)
    expect(there.records.size).toBe(total())
    expect(here.records.size).toBe(total())
    expect(here.commit).toBe(owner.commits.at(-1))
  })

  it('has the same blobs on both sides', async () => {
    const { did } = cirrus
    const listed = async (host: string, authorization: string) => {
      const found: string[] = []
      for await (const page of pages(host, 'com.atproto.sync.listBlobs', authorization, { did }))
        found.push(...Object(page).cids)
      return found.sort()
    }
    const blob = async (host: string, authorization: string, cid: string) => {
      const answer = await call(host, 'com.atproto.sync.getBlob', authorization, { params: { did, cid } })
      return { type: answer.headers.get('content-type'), bytes: new Uint8Array(await answer.arrayBuffer()) }
    }
    expect(await listed(moving.sourceUrl, moving.source)).toEqual(cids)
    expect(await listed(moving.targetUrl, moving.target)).toEqual(cids)
    for (const [n, cid] of cids.entries()) {
      const there = await blob(moving.targetUrl, moving.target, cid)
      expect([rawCid(there.bytes).toString(), there.type]).toEqual([cid, 'image/jpeg'])
      if (n % Math.ceil(BLOBS / SAMPLE) > 0) continue
      const here = await blob(moving.sourceUrl, moving.source, cid)
      expect(Buffer.compare(there.bytes, here.bytes)).toBe(0)
      expect(here.type).toBe(there.type)
    }
  })

  it('lives on there, and is whole here', async () => {
    await write(moving.targetUrl, cirrus.did, moving.target)
    expect(await onTarget()).toMatchObject({ activated: true, validDid: true, indexedRecords: total() + 1 })
    await figures.run('`pds check` of Cirrus', () => pds(cirrus, 'check'))
  })
})
