import { Buffer } from 'node:buffer'
import { decode } from '@atproto/lex-cbor'
import { expect } from 'vitest'
import { Random } from '../../fuzz/random.ts'
import { Model } from './model.ts'
import { ADMIN, DID, Server } from './server.ts'
import { step } from './steps.ts'

const MAX_STEPS = 14

const settled = async (server: Server, model: Model): Promise<void> => {
  const { body: report } = await server.call('com.cirrus.admin.checkRepo', { auth: ADMIN })
  expect(report.problems).toEqual([])
  await server.inside((account) => {
    model.expectTree([...account.records.entries()].map(({ path, cid }) => `${path} ${cid}`))
    // Events: no gaps, none twice, none lost, increasing revisions, and one for each acknowledged commit.
    const events = account.sequencer.read(0, 10_000)
    const first = events[0]?.seq ?? 0
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => first + i))
    const latest = account.sequencer.latest()
    expect(latest).toBeGreaterThanOrEqual(model.seq)
    if (events.length > 0) expect(events.at(-1)?.seq).toBe(latest)
    model.seq = latest
    const commits = events.filter(({ type }) => type === 'commit')
    const revs = commits.map(({ rev }) => rev)
    expect(revs).toEqual(revs.toSorted())
    expect(new Set(revs).size).toBe(revs.length)
    const told = new Map(commits.map(({ rev, body }) => [rev, String(Object(decode(body)).commit)]))
    const oldest = revs[0]
    for (const [rev, cid] of model.commits)
      if (typeof oldest === 'string' && rev >= oldest) expect(told.get(rev)).toBe(cid)
    const head = account.repo.requireHead()
    expect(head.rev >= model.rev).toBe(true)
    model.rev = head.rev
    // The journal has everything that was minted and signed.
    const journal = account.journal.page({ limit: 10_000 }).entries
    const minted = new Set(journal.filter(({ event }) => event === 'mint').map(({ detail }) => detail.jti))
    for (const jti of model.minted) expect(minted.has(jti)).toBe(true)
    for (const [jti, { operation }] of model.signed)
      expect(JSON.stringify(JSON.parse(account.plcLedger.find(jti)?.operation ?? 'null'))).toBe(operation)
  })
  await blobsAreHere(server, model)
}

/** Every upload that no collection may have deleted is still here and complete. */
const blobsAreHere = async (server: Server, model: Model): Promise<void> => {
  const referred = model.referred()
  for (const { cid, text } of model.blobs.values()) {
    const stored = await server.inside(async (account) => {
      const blob = await account.blobs.get(cid)
      return blob?.body && (await new Response(blob.body).text())
    })
    expect([cid, stored]).toEqual([cid, text])
    if (!referred.has(cid)) continue
    const { bytes, status } = await server.call('com.atproto.sync.getBlob', {
      params: { did: DID, cid },
      auth: ADMIN,
    })
    expect([status, Buffer.from(bytes).toString()]).toEqual([200, text])
  }
}

/**
 * Runs the schedule of a seed: its steps, then the checks of what must be true after them. Throws if one of them fails.
 */
export const run = async (seed: number, model = new Model()): Promise<void> => {
  const random = new Random('schedule', seed)
  const server = await Server.start(`schedule ${seed}`)
  const activated = await server.call('com.atproto.server.activateAccount', { auth: ADMIN })
  expect(activated.status).toBe(200)
  const session = async () => {
    const { accessJwt } = await server.inside((account) => account.sessions.create({ via: 'createSession' }))
    return { auth: `Bearer ${accessJwt}`, until: server.clock.now + 3600_000 }
  }
  let { auth, until } = await session()
  const steps = 4 + random.int(MAX_STEPS - 3)
  for (let at = 0; at < steps; at++) {
    if (server.clock.now >= until) ({ auth, until } = await session())
    await step({ server, model, random, auth })
    if (random.chance(0.15)) await settled(server, model)
  }
  await settled(server, model)
  // The same must hold after a restart, with nothing in memory.
  await server.abort()
  await settled(server, model)
  await server.wipe()
}
