import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { activate, createPlcAccount, newKey, startPlcCirrus } from '../../dev/account.ts'
import { startCirrus, type Cirrus } from '../../dev/cirrus.ts'
import { seedCirrus, signIn } from '../../dev/seed.ts'
import { startPlc, type PlcDirectory } from '../support/plc.ts'

const get = async (cirrus: Cirrus, method: string, params: Record<string, string> = {}) => {
  const answer = await fetch(`${cirrus.url}/xrpc/${method}?${new URLSearchParams(params)}`)
  const body: unknown = await answer.json()
  return { status: answer.status, body }
}

describe('a local Cirrus', () => {
  let plc: PlcDirectory
  beforeAll(async () => {
    plc = await startPlc()
  })
  afterAll(() => plc?.close())

  it('runs the real Worker under a service DID of its own', async () => {
    await using cirrus = await startCirrus({ plcUrl: plc.url, handle: 'alice.test' })
    const { status, body } = await get(cirrus, 'com.atproto.server.describeServer')
    expect(status).toBe(200)
    expect(body).toMatchObject({ did: cirrus.serviceDid })
    expect(cirrus.did).toBe(cirrus.serviceDid)
    const { rss, peak } = await cirrus.memory()
    expect(peak).toBeGreaterThanOrEqual(rss)
    expect(rss).toBeGreaterThan(10 * 2 ** 20)
  })

  it('keeps a did:plc account with records and images over crashes and restarts', async () => {
    await using cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
    const seeded = await seedCirrus(cirrus.url, await signIn(cirrus.url, cirrus), { records: 30, blobs: 3 })
    expect(seeded.records.size).toBe(30)
    expect(new Set(seeded.blobs.map(({ cid }) => cid)).size).toBe(3)
    const latest = () => get(cirrus, 'com.atproto.sync.getLatestCommit', { did: cirrus.did })
    const before = await latest()
    expect(before.status).toBe(200)
    const { pid } = cirrus
    await cirrus.kill()
    await expect(latest()).rejects.toThrow()
    await cirrus.restart()
    expect(cirrus.pid).not.toBe(pid)
    expect(await latest()).toEqual(before)
    await cirrus.restart({ HANDLE: 'carol.test' })
    const { body } = await get(cirrus, 'com.atproto.repo.describeRepo', { repo: cirrus.did })
    expect(body).toMatchObject({ handle: 'carol.test' })
  })

  it('keeps its state in the folder that was named, and nowhere else', async () => {
    const persist = await mkdtemp(join(tmpdir(), 'kept-'))
    try {
      const account = await createPlcAccount({ plcUrl: plc.url, handle: 'alice.test' })
      const first = await startCirrus({ ...account, persist })
      await activate(first)
      const latest = (cirrus: Cirrus) => get(cirrus, 'com.atproto.sync.getLatestCommit', { did: account.did })
      const before = await latest(first)
      await first.close()
      expect(existsSync(persist)).toBe(true)
      await using second = await startCirrus({ ...account, persist })
      expect(await latest(second)).toEqual(before)
    } finally {
      await rm(persist, { recursive: true, force: true })
    }
  })

  it('registers accounts with the recovery keys that were given', async () => {
    const rotationKeys = async (did: string) => {
      const data: unknown = await (await fetch(`${plc.url}/${did}/data`)).json()
      return data
    }
    const own = await newKey()
    const given = await createPlcAccount({ plcUrl: plc.url, handle: 'a.test', recoveryKeys: [own.did] })
    expect(await rotationKeys(given.did)).toMatchObject({ rotationKeys: [own.did, expect.any(String)] })
    const none = await createPlcAccount({ plcUrl: plc.url, handle: 'b.test', recoveryKeys: [] })
    expect(await rotationKeys(none.did)).toMatchObject({ rotationKeys: [expect.any(String)] })
    const separate = await createPlcAccount({ plcUrl: plc.url, handle: 'c.test', separateRotationKey: true })
    expect(separate.rotationKey).not.toBe(separate.signingKey)
  })
})
