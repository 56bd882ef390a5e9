/** The published client on a real Cirrus: every event once and in order, through crashes and restarts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { readRecords, type RepoEvent, subscribeRepos } from '../../src/client/subscribe.ts'
import { startPlcCirrus } from '../../dev/account.ts'
import type { Cirrus } from '../../dev/cirrus.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'

const COLLECTION = 'app.bsky.feed.post'

describe('subscribeRepos on a Cirrus', () => {
  let plc: PlcDirectory
  let cirrus: Cirrus
  beforeAll(async () => {
    plc = await startPlc()
    cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  }, 60_000)
  afterAll(async () => {
    await cirrus?.close()
    await plc?.close()
  })

  const writer = async () => {
    const { accessJwt } = await signIn(cirrus.url, cirrus)
    const { repo } = connect(cirrus.url, { token: accessJwt }).com.atproto
    return (text: string) =>
      repo.createRecord({
        repo: cirrus.did,
        collection: COLLECTION,
        record: { $type: COLLECTION, text, createdAt: new Date().toISOString() },
      })
  }
  const admin = () => connect(cirrus.url, { admin: { password: cirrus.adminPassword } }).com.cirrus.admin

  it('replays what is kept and continues live, with the records themselves', async () => {
    const seeded = await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 250, blobs: 3 })
    const write = await writer()
    const records = new Map<string, string>()
    const types: string[] = []
    let last: RepoEvent | undefined
    for await (const event of subscribeRepos(cirrus.url, { cursor: 0 })) {
      if (last) expect(event.seq).toBe(last.seq + 1)
      last = event
      types.push(event.$type.split('#')[1] ?? '')
      if (event.$type !== 'com.atproto.sync.subscribeRepos#commit') continue
      for (const { collection, rkey, cid, record } of await readRecords(event)) {
        records.set(`${collection}/${rkey}`, cid ?? '')
        if (record instanceof Object && Reflect.get(record, 'text') === 'live') return
      }
      if (records.size === seeded.records.size) {
        expect(records).toEqual(seeded.records)
        expect(types.slice(0, 3)).toEqual(['account', 'identity', 'sync'])
        void write('live')
      }
    }
  })

  it('misses and repeats nothing while the server crashes and restarts', async () => {
    const write = await writer()
    const stop = new AbortController()
    const { latest } = await admin().listSubscribers()
    const seqs: number[] = []
    const reading = (async () => {
      for await (const { seq } of subscribeRepos(cirrus.url, { cursor: latest, signal: stop.signal }))
        seqs.push(seq)
    })()
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5; n++) await write(`${round} ${n}`)
      if (round === 0) await cirrus.kill()
      await cirrus.restart()
    }
    await write('the last one')
    const { latest: end } = await admin().listSubscribers()
    while (seqs.at(-1) !== end) await new Promise((resolve) => setTimeout(resolve, 20))
    stop.abort()
    await reading
    expect(seqs).toEqual(Array.from({ length: end - latest }, (_, i) => latest + 1 + i))
    expect(seqs.length).toBeGreaterThanOrEqual(16)
  })

  it('refuses a cursor that is ahead, and lists the subscribers', async () => {
    const { latest } = await admin().listSubscribers()
    const ahead = subscribeRepos(cirrus.url, { cursor: latest + 5 }).next()
    await expect(ahead).rejects.toMatchObject({ error: 'FutureCursor', declared: true })

    const stop = new AbortController()
    const followers = [0, latest].map((cursor) =>
      (async () => {
        for await (const _ of subscribeRepos(cirrus.url, { cursor, signal: stop.signal }));
      })(),
    )
    await expect
      .poll(async () => (await admin().listSubscribers()).subscribers)
      .toEqual([
        { cursor: latest, behind: 0, waiting: 0 },
        { cursor: latest, behind: 0, waiting: 0 },
      ])
    stop.abort()
    await Promise.all(followers)
    await expect.poll(async () => (await admin().listSubscribers()).subscribers).toEqual([])
  })
})
