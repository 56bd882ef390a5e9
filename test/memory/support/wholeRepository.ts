/** What takes a whole repository through memory, on a Cirrus whose JavaScript heap is limited. */
import { setTimeout } from 'node:timers/promises'
import { readCar } from '../../../src/repo/car/readCar.ts'
import { cidText } from '../../../src/repo/cid.ts'
import { verifyWholeRepo } from '../../../src/repo/verifyRepo.ts'
import { carOf, treeOf } from '../../../bench/data.ts'
import { call, json } from '../../../bench/http.ts'
import { startPlcCirrus } from '../../../dev/account.ts'
import type { Cirrus } from '../../../dev/cirrus.ts'
import { signIn } from '../../../dev/seed.ts'
import { loadSigningKey } from '../../../src/signing/keys.ts'
import { Secret } from '../../../src/crypto/secret.ts'
import { startPlc } from '../../support/plc.ts'

/** As it is deployed, with the routes that the benchmarks have. */
const BUNDLE = { main: 'bench/worker.ts', define: { __DEV__: 'false', __FAULTS__: 'false' } }
const COLLECTION = 'com.example.note'
/** What one request may have: more goes through a route that only the benchmarks have. */
const REQUEST_LIMIT_BYTES = 100_000_000

export interface LimitedCirrus extends AsyncDisposable {
  readonly cirrus: Cirrus
  /** Replaces the repository by one of so many records. */
  importRecords(count: number): Promise<void>
  /** A whole export; `onByte` is called once it has begun. */
  exportAll(onByte?: () => void): Promise<Buffer>
  /** Throws unless the CAR is one commit's whole tree, signed by the account; returns how many records it has. */
  verify(car: Uint8Array): Promise<number>
  /** Writes a record, by a commit of its own. */
  write(n: number): Promise<void>
  /** The problems that `pds check` reports. */
  check(): Promise<unknown>
  /** Fills so many megabytes of the JavaScript heap. */
  fillHeap(megabytes: number): Promise<void>
  /** The most bytes that the process ever had beyond what it had when it was idle, buffers and SQLite included. */
  peakAboveIdle(): Promise<number>
  /** The number of the newest pack. */
  pack(): Promise<number>
}

export const startLimited = async (maxHeapMb: number): Promise<LimitedCirrus> => {
  const plc = await startPlc()
  const cirrus = await startPlcCirrus({
    plcUrl: plc.url,
    handle: 'alice.test',
    bundle: BUNDLE,
    env: { WRITE_POINTS_PER_HOUR: '1000000' },
    maxHeapMb,
  }).catch(async (cause: unknown) => {
    await plc.close()
    throw cause
  })
  const { url, did, signingKey } = cirrus
  const token = (await signIn(url, cirrus)).accessJwt
  const didKey = (await loadSigningKey(new Secret(signingKey))).did
  const { rss: idle } = await cirrus.memory()
  const authorization = `Basic ${Buffer.from(`admin:${cirrus.adminPassword}`).toString('base64')}`

  return {
    cirrus,
    importRecords: async (count) => {
      const body = await carOf(treeOf(count), did, signingKey)
      await call(url, 'com.atproto.server.deactivateAccount', { token, body: {} })
      const method = body.length > REQUEST_LIMIT_BYTES ? '/bench/import' : 'com.atproto.repo.importRepo'
      await call(url, method, { token, body, type: 'application/vnd.ipld.car' })
      await call(url, 'com.atproto.server.activateAccount', { token, post: true })
    },
    exportAll: async (onByte) => {
      const answer = await fetch(`${url}/xrpc/com.atproto.sync.getRepo?did=${did}`)
      if (!answer.ok || !answer.body) throw new Error(`getRepo: ${answer.status} ${await answer.text()}`)
      const chunks: Uint8Array[] = []
      for await (const chunk of answer.body) {
        if (chunks.length === 0) onByte?.()
        chunks.push(chunk)
      }
      return Buffer.concat(chunks)
    },
    verify: async (car) => {
      const reader = await readCar(chunksOf(car))
      const blocks = new Map<string, Uint8Array>()
      for await (const { cid, bytes } of reader) blocks.set(cidText(cid.bytes), bytes)
      const [root] = reader.roots
      if (!root) throw new Error('the CAR has no root')
      const read = (cid: { bytes: Uint8Array }) => blocks.get(cidText(cid.bytes))
      const { counts } = await verifyWholeRepo({ root, did, signingKey: didKey, read, now: Date.now() })
      // Connections that the server closed meanwhile are noticed before the next request uses one.
      await setTimeout(10)
      return counts.records
    },
    write: async (n) => {
      const record = { $type: COLLECTION, text: `note ${n}` }
      await call(url, 'com.atproto.repo.createRecord', {
        token,
        body: { repo: did, collection: COLLECTION, validate: false, record },
      })
    },
    check: async () => {
      return json(await call(url, 'com.cirrus.admin.checkRepo', { authorization }))['problems']
    },
    fillHeap: async (megabytes) =>
      void (await call(url, '/bench/heap', { params: { mb: String(megabytes) } })),
    peakAboveIdle: async () => (await cirrus.memory()).peak - idle,
    pack: async () => Number(json(await call(url, '/bench/sql'))['pack']),
    [Symbol.asyncDispose]: async () => {
      await cirrus.close()
      await plc.close()
    },
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}
