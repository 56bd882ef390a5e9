// Our event stream, read by others' code: @atproto/sync, @atproto/repo and @atcute; and beside the reference's own.
import { decode as decodeOther, decodeFirst, encode as encodeOther } from '@atcute/cbor'
import { fromUint8Array as readOtherCar } from '@atcute/car'
import { verifyRecord } from '@atcute/repo'
import { IdResolver, MemoryCache } from '@atproto/identity'
import { readCarWithRoot } from '@atproto/repo'
import { Firehose } from '@atproto/sync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { loadSigningKey } from '../../src/signing/keys.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { startPlcCirrus } from '../../dev/account.ts'
import { type Change, history, record as recordOf } from '../support/history.ts'
import { checkCommit, checkSync, type Standing } from '../../src/contract/areas/firehose/inductive.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'
import { admin, command, ownerAuth, type SourceCirrus } from './support/cirrus.ts'
import { type Message, record, type Recording } from './support/frames.ts'
import { startReference, type Reference } from './support/reference.ts'

const EVENTS = Number(process.env['EVENTS'] ?? 10_000)
const LONG = 900_000

/** Writes to any PDS. The hourly limit is not what is tested, so it is reset where the server has a route for that. */
const writer = (url: string, did: string, auth: string) => async (changes: readonly Change[]) => {
  const writes = changes.map((change) => ({
    $type: `com.atproto.repo.applyWrites#${change.action}`,
    collection: change.collection,
    rkey: change.rkey,
    ...(change.action === 'delete' ? {} : { value: recordOf(change) }),
  }))
  const send = () =>
    fetch(`${url}/xrpc/com.atproto.repo.applyWrites`, {
      method: 'POST',
      headers: { authorization: auth, 'content-type': 'application/json' },
      body: JSON.stringify({ repo: did, writes, validate: false }),
    })
  let answer = await send()
  if (answer.status === 429) {
    await answer.body?.cancel()
    await fetch(`${url}/bench/limits`)
    answer = await send()
  }
  const text = await answer.text()
  if (!answer.ok) throw new Error(`applyWrites: ${answer.status} ${text}`)
}

const count = (values: Iterable<string>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

describe(`a history of ${EVENTS} events`, () => {
  let plc: PlcDirectory
  let cirrus: SourceCirrus
  let didKey: string
  let messages: Message[]
  const written: Record<string, number> = {}
  const consumed: string[] = []
  const errors: Error[] = []
  let firehose: Firehose

  beforeAll(async () => {
    plc = await startPlc()
    cirrus = await startPlcCirrus({
      plcUrl: plc.url,
      handle: 'alice.test',
      bundle: { main: 'bench/worker.ts' },
    })
    didKey = (await loadSigningKey(new Secret(cirrus.signingKey))).did
    // By default it does not resolve anything on loopback.
    const idResolver = new IdResolver({ plcUrl: plc.url, fetch, didCache: new MemoryCache() })
    idResolver.handle.resolve = async (handle) => (handle === 'alice.test' ? cirrus.did : undefined)
    firehose = new Firehose({
      service: cirrus.url.replace('http', 'ws'),
      idResolver,
      getCursor: () => 0,
      handleEvent: (event) => void consumed.push(event.event),
      onError: (error) => void errors.push(error),
    })
    void firehose.start()

    const live = await record(cirrus.url, 0)
    const write = writer(cirrus.url, cirrus.did, await ownerAuth(cirrus))
    const note = (type: string, times = 1) => (written[type] = (written[type] ?? 0) + times)
    // The activation.
    note('account')
    note('identity')
    note('sync')
    let events = 3
    for (const changes of history('interop', Number.MAX_SAFE_INTEGER, 0.97)) {
      if (events >= EVENTS) break
      await write(changes)
      for (const { action } of changes) note(action)
      events++
      if (events % 199 === 0) {
        await admin(cirrus, 'com.cirrus.admin.emitIdentity', {})
        note('identity')
        events++
      }
      if (events % 997 === 0) {
        await admin(cirrus, 'com.atproto.server.deactivateAccount', {})
        await command(cirrus, 'com.atproto.server.activateAccount')
        note('account', 2)
        note('identity')
        note('sync')
        events += 4
      }
    }
    messages = await live.until((all) => all.length >= events)
    live.close()
  }, LONG)

  afterAll(async () => {
    await firehose?.destroy()
    await cirrus?.close()
    await plc?.close()
  })

  it(
    "is consumed by @atproto/sync's Firehose, validation on, without an error",
    async () => {
      const wanted = Object.values(written).reduce((sum, n) => sum + n, 0)
      await expect
        .poll(() => consumed.length >= wanted || errors.length > 0, { timeout: LONG, interval: 100 })
        .toBe(true)
      expect(errors).toEqual([])
      expect(count(consumed)).toEqual(written)
    },
    LONG,
  )

  it('comes without a gap, and again the same from any cursor', async () => {
    const seqs = messages.map(({ body }) => Number(body.seq))
    expect(seqs).toEqual(Array.from(seqs, (_, index) => (seqs[0] ?? 0) + index))
    expect(seqs.length).toBeGreaterThanOrEqual(EVENTS)
    for (const at of [0, 1, Math.floor(seqs.length / 2), seqs.length - 2]) {
      const cursor = at === 0 ? 0 : Number(seqs[at - 1])
      const again = await record(cirrus.url, cursor)
      const replayed = await again.until((all) => all.length >= seqs.length - at)
      again.close()
      const differs = replayed.findIndex(
        ({ bytes }, index) => !Buffer.from(bytes).equals(messages[at + index]?.bytes ?? Buffer.alloc(0)),
      )
      expect([at, differs]).toEqual([at, -1])
    }
  })

  it(
    'holds sync 1.1 in every commit: signed, and inverted it arrives at the tree before it',
    async () => {
      let standing: Standing | undefined
      for (const { type, body } of messages) {
        if (type === '#sync') standing = await checkSync(body, didKey)
        if (type !== '#commit') continue
        if (!standing) throw new Error('a commit before any #sync')
        standing = await checkCommit(body, standing, didKey, ['last operation first', 'deletions first'])
      }
    },
    LONG,
  )

  it(
    'is the same to @atcute: frames, blocks and records, proved from the signed commit',
    async () => {
      for (const { type, body, bytes } of messages) {
        const [header, rest] = decodeFirst(bytes)
        expect(header).toEqual({ op: 1, t: type })
        const other = decodeOther(rest)
        expect(Buffer.from(encodeOther(other)).equals(Buffer.from(rest))).toBe(true)
        expect([other.seq, other.time]).toEqual([body.seq, body.time])
        if (type !== '#commit') continue
        const { blocks } = await readCarWithRoot(body.blocks)
        const theirs = [...readOtherCar(body.blocks)]
        expect(theirs.length).toBe(blocks.size)
        for (const op of body.ops) {
          if (!op.cid) continue
          const [collection, rkey] = op.path.split('/')
          const found = await verifyRecord({
            did: cirrus.did as `did:plc:${string}`,
            collection,
            rkey,
            carBytes: body.blocks,
          })
          expect(found.cid).toBe(String(op.cid))
        }
      }
    },
    LONG,
  )
})

describe('beside the reference PDS, which does the same', () => {
  let plc: PlcDirectory
  let reference: Reference
  let cirrus: SourceCirrus
  const ours: Message[] = []
  const theirs: Message[] = []
  const recordings: Recording[] = []

  beforeAll(async () => {
    plc = await startPlc()
    reference = await startReference({ plcUrl: plc.url })
    cirrus = await startPlcCirrus({
      plcUrl: plc.url,
      handle: 'alice.test',
      bundle: { main: 'bench/worker.ts' },
    })
    const { did, agent } = await reference.createAccount({ handle: 'alice.test' })
    const token = `Bearer ${agent.session?.accessJwt}`
    const sides = [
      { url: cirrus.url, write: writer(cirrus.url, cirrus.did, await ownerAuth(cirrus)), into: ours },
      { url: reference.url, write: writer(reference.url, did, token), into: theirs },
    ]
    // The first events of the account are not compared, because the reference begins with an empty commit.
    const told = await Promise.all(sides.map(({ url }) => record(url, 0)))
    await told[0]?.until((messages) => messages.length === 3)
    await told[1]?.until((messages) => messages.length === 4)
    recordings.push(...told)
    const begun = told.map(({ messages }) => messages.length)
    let events = 0
    for (const changes of history('beside', 2000)) {
      for (const { write } of sides) await write(changes)
      events++
    }
    await agent.com.atproto.server.deactivateAccount({})
    await agent.com.atproto.server.activateAccount()
    await admin(cirrus, 'com.atproto.server.deactivateAccount', {})
    await command(cirrus, 'com.atproto.server.activateAccount')
    events += 4
    for (const changes of history('after', 20)) {
      for (const { write } of sides) await write(changes)
      events++
    }
    for (const [index, recording] of recordings.entries()) {
      const before = begun[index] ?? 0
      const all = await recording.until((messages) => messages.length >= before + events)
      sides[index]?.into.push(...all.slice(before))
      recording.close()
    }
  }, LONG)

  afterAll(async () => {
    await Promise.all([cirrus?.close(), reference?.close()])
    await plc?.close()
  })

  it('sends the same events in the same order', () => {
    expect(ours.map(({ type }) => type)).toEqual(theirs.map(({ type }) => type))
    expect(count(ours.map(({ type }) => type))).toMatchObject({ '#account': 2, '#identity': 1, '#sync': 1 })
    const fields = ({ body }: Message) => Object.keys(body).toSorted()
    expect(ours.map(fields)).toEqual(theirs.map(fields))
  })

  it('sends the same operations on the same trees', () => {
    const told = ({ body }: Message) => ({
      prevData: String(body.prevData),
      ops: body.ops?.map((op: { action: string; path: string; cid: unknown; prev?: unknown }) => [
        op.action,
        op.path,
        String(op.cid),
        op.prev === undefined ? undefined : String(op.prev),
      ]),
    })
    expect(ours.map(told)).toEqual(theirs.map(told))
  })

  it('sends the same blocks beside the commit itself, which its key signs, and what inverting needs besides', async () => {
    let more = 0
    let commits = 0
    for (const [index, { type, body }] of ours.entries()) {
      if (type !== '#commit') continue
      const blocksOf = async (bytes: Uint8Array) => {
        const { root, blocks } = await readCarWithRoot(bytes)
        return new Set(
          blocks
            .cids()
            .map(String)
            .filter((cid) => cid !== String(root)),
        )
      }
      const mine = await blocksOf(body.blocks)
      const reference = await blocksOf(theirs[index]?.body.blocks)
      expect([...reference].filter((cid) => !mine.has(cid))).toEqual([])
      const extra = [...mine].filter((cid) => !reference.has(cid)).length
      commits++
      if (extra === 0) continue
      more++
      // Only a commit of several operations may need nodes that are in no proof of the new tree.
      expect(body.ops.length).toBeGreaterThan(1)
    }
    expect(more).toBeLessThan(commits / 2)
  })
})
