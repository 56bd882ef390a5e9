import { createHash } from 'node:crypto'
import { digestOf } from '../../client/cid.ts'
import { type Client, type Download, XrpcError } from '../../client/index.ts'
import { sameDigest } from '../../repo/sha256.ts'
import { isRefusal } from '../refusal.ts'
import type { CopyDeps } from './copyDeps.ts'

/** Why a blob could not be had, or sent. */
export type BlobReason =
  /** The server says that it does not have it, by whatever name. */
  | 'not-found'
  /** It fails or does not answer, also when asked again. */
  | 'failing'
  /** Other bytes than the CID names. */
  | 'wrong-bytes'
  /** Larger than the target takes. */
  | 'too-large'
  /** The target refuses it for another reason. */
  | 'refused'
  /** The target takes no more for now. */
  | 'rate-limited'
  /** The target took it, and does not have it when it is asked. */
  | 'not-kept'

/** Why one blob did not arrive. */
export class BlobError extends Error {
  override readonly name = 'BlobError'
  readonly side: 'source' | 'target'
  readonly reason: BlobReason

  constructor(side: 'source' | 'target', reason: BlobReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.side = side
    this.reason = reason
  }
}

/** Blobs up to this size are held in memory, so that they can be sent again. */
export const HELD_BYTES = 4 * 1024 * 1024
/** As many of the first bytes show what type a blob has. */
const HEAD_BYTES = 1024
const MAX_HOPS = 5

/** A blob as the source sends it. */
export interface SourceBlob {
  readonly mimeType: string
  /** All of it, where it is small; its hash was checked. */
  readonly bytes?: Uint8Array<ArrayBuffer>
  /** The first bytes, to tell its type. */
  readonly head: Uint8Array
  /** Where it is large: its bytes. It errors, before the last of them, if the hash is another one. */
  readonly body?: ReadableStream<Uint8Array>
  readonly size: number | undefined
}

/** Follows a redirect without any credential, as a client that has none would. */
const followed = async ({ fetch, signal }: CopyDeps, cause: XrpcError, origin: string): Promise<Response> => {
  let from = origin
  let to = cause.headers.get('location') ?? ''
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const url = URL.canParse(to, from) ? new URL(to, from) : undefined
    // Of a server with https, no detour over one without.
    if (!url || (url.protocol !== 'https:' && url.protocol !== new URL(origin).protocol)) break
    const answer = await fetch(url.href, { redirect: 'manual', signal })
    const next = answer.headers.get('location')
    if (answer.ok) return answer
    await answer.body?.cancel()
    if (answer.status < 300 || answer.status >= 400 || next === null)
      throw new XrpcError(
        'Unexpected',
        `${url.host}, where the source sends for it, answers ${answer.status}`,
        {
          status: answer.status,
          headers: answer.headers,
        },
      )
    from = url.href
    to = next
  }
  throw new XrpcError('Unexpected', `the source redirects to ${JSON.stringify(to.slice(0, 100))}`, {
    status: 502,
  })
}

type Opened = Pick<Download<'*/*'>, 'encoding' | 'body' | 'length'>

const open = async (deps: CopyDeps, client: Client, did: string, cid: string): Promise<Opened> => {
  try {
    return await client.com.atproto.sync.getBlob({ did, cid }, { signal: deps.signal })
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.status < 300 || cause.status >= 400) throw cause
    let answer
    try {
      answer = await followed(deps, cause, client.origin)
    } catch (error) {
      if (error instanceof XrpcError) throw error
      deps.signal.throwIfAborted()
      throw new XrpcError('NetworkError', `the source redirects, and there: ${String(error)}`, {
        cause: error,
      })
    }
    // The length of a compressed body is not the number of bytes that arrive.
    const length = answer.headers.has('content-encoding') ? null : answer.headers.get('content-length')
    return {
      encoding: answer.headers.get('content-type') ?? '',
      body: answer.body ?? new Blob([]).stream(),
      ...(length !== null && { length: Number(length) }),
    }
  }
}

const streamOf = (pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    cancel: async () => void (await pieces.return(undefined)),
  })

/** As one. */
const joined = (chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const headOf = (chunks: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(chunks.map((chunk) => chunk.subarray(0, HEAD_BYTES))).subarray(0, HEAD_BYTES))

/** Passes a body on and checks its hash. The last chunk is held back until the hash is known. */
async function* hashed(cid: string, first: Uint8Array[], rest: AsyncIterator<Uint8Array>) {
  const hash = createHash('sha256')
  let held: Uint8Array | undefined
  const take = (chunk: Uint8Array) => {
    const before = held
    hash.update(chunk)
    held = chunk
    return before
  }
  try {
    // Nothing is kept of what was passed on.
    for (let chunk = first.shift(); chunk; chunk = first.shift()) {
      const before = take(chunk)
      if (before) yield before
    }
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      const before = take(next.value)
      if (before) yield before
    }
    if (!sameDigest(hash.digest(), digestOf(cid)))
      throw new BlobError('source', 'wrong-bytes', 'the source sends other bytes for it')
    if (held) yield held
  } finally {
    // Where the target takes no more of it, the source need not send the rest.
    await rest.return?.()
  }
}

/**
 * Asks the source for a blob. One of at most `held` bytes is read and checked at once; of a larger one, the body is
 * passed on. Throws XrpcError (a network error if the body breaks off) and BlobError.
 */
export async function readBlob(
  deps: CopyDeps,
  client: Client,
  did: string,
  cid: string,
  held = HELD_BYTES,
): Promise<SourceBlob> {
  const { encoding, body, length } = await open(deps, client, did, cid)
  // What is known to be larger is not collected first, beyond what shows its type.
  const collected = Math.max(HEAD_BYTES, (length ?? 0) > held ? 0 : held)
  const chunks: Uint8Array[] = []
  let size = 0
  const iterator = body[Symbol.asyncIterator]()
  try {
    for (let next = await iterator.next(); ; next = await iterator.next()) {
      if (next.done) break
      chunks.push(next.value)
      size += next.value.length
      if (size <= collected) continue
      const head = headOf(chunks)
      const pieces = hashed(cid, chunks, iterator)
      return { mimeType: encoding, head, body: streamOf(pieces), size: length }
    }
  } catch (cause) {
    deps.signal.throwIfAborted()
    throw new XrpcError('NetworkError', `the blob broke off after ${size} bytes: ${String(cause)}`, { cause })
  }
  if (length !== undefined && size < length)
    throw new XrpcError('NetworkError', `the blob ended after ${size} of ${length} bytes`)
  const bytes = joined(chunks, size)
  if (!sameDigest(createHash('sha256').update(bytes).digest(), digestOf(cid)))
    throw new BlobError('source', 'wrong-bytes', 'the source sends other bytes for it')
  return { mimeType: encoding, head: headOf([bytes]), bytes, size }
}

/** What an error of the source means for one blob; undefined if it is about more than this blob. */
export const sourceBlobError = (cause: unknown): BlobError | undefined => {
  if (cause instanceof BlobError) return cause
  if (!(cause instanceof XrpcError)) return undefined
  const { status, error, message } = cause
  // The session is over, and the next blob would fail like this one.
  if (error === 'ExpiredToken' || error === 'InvalidToken' || error === 'AuthMissing') return undefined
  const text = `${status || ''} ${error}: ${message}`.trim()
  // Servers have many names for it, and some say 400.
  if ([400, 404, 410].includes(status)) return new BlobError('source', 'not-found', text, { cause })
  return new BlobError('source', isRefusal(cause) ? 'refused' : 'failing', text, { cause })
}
