import { cborToLexRecord } from '@atproto/repo'
import { type LexMap, type LexValue, parseCid } from '@atproto/lex-data'
import { recordJson } from '../../../../src/mover/recordJson.ts'
import { decodeBlock } from '../../../../src/repo/cbor.ts'
import { nextTid } from '../../../../src/repo/tid.ts'
import { type FakeMethod, type FakePds, Refused } from '../types.ts'
import { rawCid } from '../fakeRepo.ts'
import { json } from '../network.ts'
import { needsAccount, needsReadable, pageOf } from './needs.ts'

/** As the reference: what its library does not parse is refused. */
const refusedByLibrary = (_path: string, bytes: Uint8Array): string | undefined => {
  try {
    cborToLexRecord(bytes)
    return undefined
  } catch (cause) {
    return String(cause)
  }
}

const pathOf = (write: Record<string, unknown>, now: number): string =>
  `${String(write['collection'])}/${String(write['rkey'] ?? nextTid(now))}`

const lexOf = (value: unknown): LexValue => {
  if (Array.isArray(value)) return value.map(lexOf)
  if (value === null || typeof value !== 'object') return value as LexValue
  const { $link, $bytes } = value as Record<string, unknown>
  if (typeof $link === 'string') return parseCid($link)
  if (typeof $bytes === 'string') return new Uint8Array(Buffer.from($bytes, 'base64'))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lexOf(inner)]))
}

/** Makes a record of JSON. */
const recordOf = (value: unknown): LexMap => lexOf(value) as LexMap

const writeOf = (pds: FakePds, write: Record<string, unknown>): [string, LexMap | undefined] => [
  pathOf(write, pds.network.now()),
  String(write['$type'] ?? '').endsWith('#delete') ? undefined : recordOf(write['value']),
]

export const repoMethods: Record<string, FakeMethod> = {
  'com.atproto.repo.importRepo': async (call) => {
    const account = needsAccount(call, { full: true })
    const { maxImportBytes = Infinity, refuseRecord = refusedByLibrary } = call.pds.options
    if (call.sent.bytes.length > maxImportBytes)
      throw new Refused(413, 'PayloadTooLarge', 'request entity too large')
    const { repo, references } = account
    const before = new Map(repo.records)
    const cut = { cid: repo.cid, data: repo.data, rev: repo.rev }
    let added
    try {
      added = await repo.import(call.sent.bytes, nextTid(call.pds.network.now(), repo.rev || undefined))
    } catch (cause) {
      throw new Refused(400, 'InvalidRequest', `Could not import: ${String(cause)}`)
    }
    for (const [path, bytes] of added) {
      const why = refuseRecord(path, bytes)
      if (why === undefined) continue
      // One transaction: nothing of it stays.
      repo.restore(before, cut)
      throw new Refused(400, 'InvalidRequest', `Could not parse record at '${path}'`)
    }
    for (const [path, { blobs }] of repo.records)
      for (const cid of blobs) references.set(cid, `at://${account.did}/${path}`)
    return new Response(null, { status: 200 })
  },

  'com.atproto.repo.uploadBlob': (call) => {
    const account = needsAccount(call)
    const { bytes } = call.sent
    if (bytes.length > (call.pds.options.maxBlobBytes ?? Infinity))
      throw new Refused(413, 'PayloadTooLarge', 'request entity too large')
    const mimeType = call.sent.headers.get('content-type') ?? ''
    if (!/^[\w.+-]+\/[\w.+-]+(;.*)?$/.test(mimeType))
      throw new Refused(
        400,
        'InvalidRequest',
        `Request encoding (Content-Type) ${mimeType} is not a MIME type`,
      )
    account.blobs.set(rawCid(bytes).toString(), { bytes, mimeType })
    const ref = { $link: rawCid(bytes).toString() }
    return json({ blob: { $type: 'blob', ref, mimeType, size: bytes.length } })
  },

  'com.atproto.repo.listMissingBlobs': (call) => {
    const { blobs, references } = needsAccount(call)
    const { items, cursor } = pageOf(
      call,
      [...references.keys()].filter((cid) => !blobs.has(cid)),
      1000,
    )
    return json({ blobs: items.map((cid) => ({ cid, recordUri: references.get(cid) ?? '' })), cursor })
  },

  'com.atproto.repo.applyWrites': async (call) => {
    const account = needsAccount(call)
    if (!account.active) throw new Refused(401, 'AccountDeactivated', 'Account is deactivated')
    const { writes } = call.input() as { writes: Record<string, unknown>[] }
    await call.pds.write(account, Object.fromEntries(writes.map((write) => writeOf(call.pds, write))))
    const { cid, rev } = account.repo
    return json({ commit: { cid, rev }, results: [] })
  },

  'com.atproto.repo.createRecord': async (call) => {
    const account = needsAccount(call)
    if (!account.active) throw new Refused(401, 'AccountDeactivated', 'Account is deactivated')
    const input = call.input()
    const path = pathOf(input, call.pds.network.now())
    await call.pds.write(account, { [path]: recordOf(input['record']) })
    const { cid, rev, records } = account.repo
    return json({
      uri: `at://${account.did}/${path}`,
      cid: records.get(path)?.cid.toString(),
      commit: { cid, rev },
      validationStatus: 'unknown',
    })
  },

  'com.atproto.repo.deleteRecord': async (call) => {
    const account = needsAccount(call)
    if (!account.active) throw new Refused(401, 'AccountDeactivated', 'Account is deactivated')
    await call.pds.write(account, { [pathOf(call.input(), 0)]: undefined })
    const { cid, rev } = account.repo
    return json({ commit: { cid, rev } })
  },

  'com.atproto.repo.describeRepo': (call) => {
    const { did, handle, repo } = needsReadable(call, 'repo')
    const collections = new Set([...repo.records.keys()].map((path) => path.split('/')[0]))
    return json({ did, handle, didDoc: {}, collections: [...collections], handleIsCorrect: true })
  },

  'com.atproto.repo.getRecord': (call) => {
    const { did, repo } = needsReadable(call, 'repo')
    const path = `${call.params.get('collection')}/${call.params.get('rkey')}`
    const cid = repo.records.get(path)?.cid
    const bytes = cid && repo.bytes(cid)
    if (!bytes) throw new Refused(400, 'RecordNotFound', `Could not locate record: ${path}`)
    return json({
      uri: `at://${did}/${path}`,
      cid: cid.toString(),
      value: recordJson(decodeBlock(bytes)),
    })
  },

  'com.atproto.repo.listRecords': (call) => {
    const { did, repo } = needsReadable(call, 'repo')
    const collection = `${call.params.get('collection')}/`
    const limit = Number(call.params.get('limit') ?? 50)
    const cursor = call.params.get('cursor')
    const paths = [...repo.records.keys()].filter((path) => path.startsWith(collection)).sort()
    const found = paths
      .map((path) => path.slice(collection.length))
      .filter((rkey) => cursor === null || rkey > cursor)
    const records = found.slice(0, limit).map((rkey) => {
      const cid = repo.records.get(collection + rkey)?.cid
      const bytes = cid && repo.bytes(cid)
      const value = bytes ? recordJson(decodeBlock(bytes)) : {}
      return { uri: `at://${did}/${collection}${rkey}`, cid: String(cid), value }
    })
    return json({ records, cursor: found.slice(0, limit).at(-1) })
  },
}
