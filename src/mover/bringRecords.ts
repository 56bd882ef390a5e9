import { type Client, XrpcError } from '../client/index.ts'
import { retrying } from '../client/retry.ts'
import type { BlobReference } from '../repo/blobRefs.ts'
import { CborError, decodeBlock } from '../repo/cbor.ts'
import type { VerifiedRecord } from '../repo/verifyRepo.ts'
import type { LateRecord } from './lateRecords.ts'
import { recordJson } from './recordJson.ts'
import { isRefusal } from './refusal.ts'

/** As many writes as the reference takes in a commit. */
const MAX_WRITES = 200
/** The reference takes 150 KB of JSON. */
const MAX_JSON_CHARS = 100_000

export interface BringDeps {
  did: string
  /** The server that the records are brought to, with the owner's session. */
  client: Client
  signal: AbortSignal
  /** The block of a late record. */
  read(record: VerifiedRecord): Uint8Array | undefined
  /** Brings a blob over before the record that refers to it. What cannot be brought is thrown. */
  bringBlob(blob: BlobReference): Promise<void>
  /** Called as records arrive. */
  progress?(written: number): void
}

/** What became of late records. */
export interface BroughtRecords {
  written: number
  /** What could not be written, and why, as a sentence. */
  failed: { path: string; why: string }[]
}

type Late = LateRecord<VerifiedRecord>
type Write = Parameters<Client['com']['atproto']['repo']['applyWrites']>[0]['writes'][number]
interface Prepared {
  record: Late
  write: Write
  size: number
}

const split = (path: string): { collection: string; rkey: string } => {
  const at = path.indexOf('/')
  return { collection: path.slice(0, at), rkey: path.slice(at + 1) }
}

const prepare = ({ read }: BringDeps, record: Late): Prepared => {
  const { path, action, late } = record
  const where = split(path)
  if (!late || action === 'delete')
    return { record, write: { $type: 'com.atproto.repo.applyWrites#delete', ...where }, size: path.length }
  const bytes = read(late)
  if (!bytes) throw new Error(`the block of ${path} is missing`)
  const value = Object(recordJson(decodeBlock(bytes)))
  const $type = `com.atproto.repo.applyWrites#${action}` as const
  return { record, write: { $type, ...where, value }, size: JSON.stringify(value).length }
}

/** Whether the server has it already as it is to be: an answer may have been lost. */
const hasArrived = async ({ client, did }: BringDeps, { path, late }: Late): Promise<boolean> => {
  try {
    const { cid } = await client.com.atproto.repo.getRecord({ repo: did, ...split(path) })
    return late !== undefined && cid === late.cid.toString()
  } catch (cause) {
    return late === undefined && isRefusal(cause)
  }
}

/** Whether a refusal is about what was sent, not about who sends it. */
const isAboutWrites = (cause: unknown): boolean =>
  cause instanceof XrpcError &&
  isRefusal(cause) &&
  cause.status !== 401 &&
  cause.status !== 403 &&
  !['ExpiredToken', 'InvalidToken', 'AuthMissing'].includes(cause.error)

const reasonOf = (cause: unknown): string =>
  cause instanceof XrpcError ? `${cause.error}: ${cause.message}` : String(cause)

/**
 * Writes late records to a server by applyWrites, with the blobs that they refer to, in as few commits as it takes. What
 * the server refuses is found one by one and named; the rest arrives. May be repeated with what is still late.
 */
export async function bringRecords(records: Iterable<Late>, deps: BringDeps): Promise<BroughtRecords> {
  const { client, did, signal, bringBlob, progress } = deps
  const done: BroughtRecords = { written: 0, failed: [] }
  const fail = (path: string, why: string) => void done.failed.push({ path, why })

  const send = async (batch: readonly Prepared[]): Promise<void> => {
    signal.throwIfAborted()
    const [only] = batch
    if (!only) return
    try {
      const writes = batch.map(({ write }) => write)
      await retrying({ signal })(() =>
        client.com.atproto.repo.applyWrites({ repo: did, validate: false, writes }, { signal }),
      )
      done.written += batch.length
      progress?.(done.written)
    } catch (cause) {
      if (!isAboutWrites(cause)) throw cause
      if (batch.length === 1) {
        if (await hasArrived(deps, only.record)) done.written++
        else fail(only.record.path, reasonOf(cause))
        return
      }
      const middle = Math.ceil(batch.length / 2)
      await send(batch.slice(0, middle))
      await send(batch.slice(middle))
    }
  }

  let batch: Prepared[] = []
  let chars = 0
  for (const record of records) {
    const { path, late } = record
    try {
      for (const blob of late?.blobs ?? []) await bringBlob(blob)
    } catch (cause) {
      signal.throwIfAborted()
      fail(path, `a blob of it cannot be brought: ${reasonOf(cause)}`)
      continue
    }
    let prepared: Prepared
    try {
      prepared = prepare(deps, record)
    } catch (cause) {
      if (!(cause instanceof CborError)) throw cause
      fail(path, `it is not a record that can be written: ${cause.message}`)
      continue
    }
    if (batch.length === MAX_WRITES || (batch.length > 0 && chars + prepared.size > MAX_JSON_CHARS)) {
      await send(batch)
      batch = []
      chars = 0
    }
    batch.push(prepared)
    chars += prepared.size
  }
  await send(batch)
  return done
}
