/**
 * A repository of 300 MB in a heap of 64 MB: fetched by the object itself, from a server that breaks off, and sent in parts;
 * with an object that is killed meanwhile.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carOf, plant } from '../../bench/data.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { pullRepo } from '../../src/mover/copy/pullRepo.ts'
import { uploadRepo } from '../../src/mover/copy/uploadRepo.ts'
import { readCar } from '../../src/repo/car/readCar.ts'
import { type LimitedCirrus, startLimited } from './support/wholeRepository.ts'

const RECORDS = 100_000
const RECORD_BYTES = 3000
const HEAP_MB = 64
const TOKEN = 'a token'

/** A Cirrus, as far as this needs one: a CAR from any byte on. Every answer breaks off after so many bytes. */
const serve = async (car: Buffer, root: string, breaksAfter: () => number) => {
  const asked: string[] = []
  const server: Server = createServer((request, answer) => {
    const url = new URL(request.url ?? '', 'http://localhost')
    asked.push(url.pathname.split('.').at(-1) ?? '')
    if (request.headers.authorization !== `Bearer ${TOKEN}`) {
      answer.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"AuthMissing"}')
      return
    }
    const offset = Number(url.searchParams.get('offset') ?? 0)
    const end = Math.min(car.length, offset + breaksAfter())
    answer.writeHead(200, { 'content-type': 'application/vnd.ipld.car', etag: `"${root}"` })
    let at = offset
    const more = (): void => {
      while (at < end) if (!answer.write(car.subarray(at, (at = Math.min(end, at + 65_536))))) return
      if (end === car.length) answer.end()
      else answer.destroy()
    }
    answer.on('drain', more)
    more()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { asked, url: `http://localhost:${(server.address() as AddressInfo).port}`, server }
}

describe(`a repository of 300 MB in a heap of ${HEAP_MB} MB`, { timeout: 900_000 }, () => {
  let limited: LimitedCirrus
  let source: Awaited<ReturnType<typeof serve>>
  let admin: Client
  let root: string
  let car: Buffer
  let breaksAfter = Infinity
  const deps = () => ({
    fetch,
    now: () => Date.now(),
    signal: new AbortController().signal,
    wait: (ms: number) => setTimeout(Math.min(ms, 200)),
  })
  beforeAll(async () => {
    limited = await startLimited(HEAP_MB)
    const { did, signingKey, url, adminPassword } = limited.cirrus
    const tree = plant(
      Array.from({ length: RECORDS }, (_, n) => ({
        collection: 'com.example.note',
        rkey: `note${n}`,
        value: { $type: 'com.example.note', text: `${n} `.padEnd(RECORD_BYTES, 'x') },
      })),
    )
    car = await carOf(tree, did, signingKey)
    async function* once() {
      yield car
    }
    root = String((await readCar(once())).roots[0])
    source = await serve(car, root, () => breaksAfter)
    admin = connect(url, { admin: { password: adminPassword } })
    // Connections that the server closed meanwhile are noticed before the next request uses one.
    await setTimeout(50)
    await admin.com.atproto.server.deactivateAccount({})
    expect(car.length).toBeGreaterThan(300e6)
  })
  afterAll(async () => {
    source?.server.closeAllConnections()
    source?.server.close()
    await limited?.[Symbol.asyncDispose]()
  })

  it('is fetched in spite of a server that breaks off, in little memory', async () => {
    breaksAfter = 70e6
    const begun = Date.now()
    await pullRepo(deps(), admin, { source: source.url, token: async () => TOKEN })
    const { pull } = await admin.com.cirrus.admin.getPull()
    expect(pull).toMatchObject({ phase: 'done', commit: root, records: RECORDS })
    expect(source.asked.filter((method) => method === 'resumeRepo')).toHaveLength(4)
    expect(await limited.check()).toEqual([])
    const peak = (await limited.peakAboveIdle()) / 2 ** 20
    console.log(
      `300 MB in ${((Date.now() - begun) / 1000).toFixed(1)} s, at most ${peak.toFixed(0)} MB above idle`,
    )
    expect(peak).toBeLessThan(128)
    expect(limited.cirrus.hasEnded).toBe(false)
  })

  it('goes on after the process was killed, with another token', async () => {
    breaksAfter = Infinity
    source.asked.length = 0
    const { pullRepo: start, getPull } = admin.com.cirrus.admin
    await start({ source: source.url, token: TOKEN })
    await expect
      .poll(async () => (await getPull()).pull?.received ?? 0, { timeout: 60_000, interval: 20 })
      .toBeGreaterThan(20e6)
    await limited.cirrus.kill()
    await limited.cirrus.restart()
    const { pull } = await getPull()
    if (pull?.phase === 'tokenNeeded') expect(pull.received).toBeGreaterThan(20e6)
    else expect(pull?.phase).toBe('verifying')
    await pullRepo(deps(), admin, { source: source.url, token: async () => TOKEN })
    expect((await getPull()).pull).toMatchObject({ phase: 'done', commit: root })
    expect(source.asked.filter((method) => method === 'getRepo')).toHaveLength(1)
    expect(await limited.check()).toEqual([])
  })

  it('comes in parts in little memory, while the process is killed', async () => {
    const { cancelPull, getPull } = admin.com.cirrus.admin
    // What is here is another repository, so that all of it is imported and not only compared.
    await limited.importRecords(10)
    await admin.com.atproto.server.deactivateAccount({})
    await cancelPull()
    const begun = Date.now()
    const abort = new AbortController()
    const progress = ({ bytes }: { bytes: number }): void => {
      if (bytes > 150e6) abort.abort(new Error('the sender was killed'))
    }
    const body = new Blob([new Uint8Array(car)])
    const sending = uploadRepo({ ...deps(), signal: abort.signal, progress }, admin, body)
    await expect(sending).rejects.toThrow('the sender was killed')
    await limited.cirrus.kill()
    await limited.cirrus.restart()
    expect((await getPull()).pull).toMatchObject({ phase: 'receiving', resumable: true })
    expect((await getPull()).pull?.received).toBeGreaterThan(150e6)
    await uploadRepo(deps(), admin, body)
    // Signed again: the repository that was here had a later revision.
    expect((await getPull()).pull).toMatchObject({ phase: 'done', records: RECORDS })
    expect(await limited.check()).toEqual([])
    const peak = (await limited.peakAboveIdle()) / 2 ** 20
    console.log(
      `300 MB in parts in ${((Date.now() - begun) / 1000).toFixed(1)} s, at most ${peak.toFixed(0)} MB above idle`,
    )
    expect(peak).toBeLessThan(128)
    expect(limited.cirrus.hasEnded).toBe(false)
  })
})
