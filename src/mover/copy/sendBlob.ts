import { type Client, XrpcError } from '../../client/index.ts'
import { askedToWaitMs, isRetryable } from '../../client/retry.ts'
import { isRefusal } from '../refusal.ts'
import { typesToSend } from './blobType.ts'
import { type CopyDeps, MAX_WAIT_MS } from './copyDeps.ts'
import { BlobError, type SourceBlob } from './readBlob.ts'
import { isTooLarge } from './sendRepo.ts'
import type { NeededBlob } from './writeRepo.ts'

/** Whether a refusal may be about the type rather than about the blob. */
const mayMeanType = (cause: unknown): boolean =>
  cause instanceof XrpcError && (cause.status === 400 || cause.status === 415 || cause.status === 422)

const upload = async (
  { signal }: CopyDeps,
  client: Client,
  encoding: string,
  { bytes, body, size }: SourceBlob,
): Promise<string> => {
  const payload = bytes ?? body ?? new Uint8Array()
  const { blob } = await client.com.atproto.repo.uploadBlob(
    { encoding, body: payload, ...(size !== undefined && { length: size }) },
    { signal },
  )
  return blob.ref.$link
}

/** What an error of the target means for one blob; undefined if it is about more than this blob. */
export const targetBlobError = (cause: unknown, nowMs: number): BlobError | undefined => {
  if (cause instanceof BlobError) return cause
  // A body that was found to be wrong while it was sent: fetch wraps it.
  if (cause instanceof Error && cause.cause !== undefined) {
    const inner = targetBlobError(cause.cause, nowMs)
    if (inner?.side === 'source') return inner
  }
  if (!(cause instanceof XrpcError)) return undefined
  const { status, error, message, headers } = cause
  if (error === 'ExpiredToken' || error === 'InvalidToken' || error === 'AuthMissing') return undefined
  const text = `${status || ''} ${error}: ${message}`.trim()
  if (isTooLarge(cause)) return new BlobError('target', 'too-large', text, { cause })
  if (status === 429) {
    const until = new Date(nowMs + askedToWaitMs(headers, nowMs)).toISOString()
    return new BlobError('target', 'rate-limited', `${text}; it takes more after ${until}`, { cause })
  }
  return new BlobError('target', isRefusal(cause) ? 'refused' : 'failing', text, { cause })
}

/** A blob that is being sent, perhaps more than once. */
export interface Sending {
  readonly blob: SourceBlob
  /** The types under which it may be sent that were not refused yet, the best first. */
  types: string[]
}

export const sendingOf = (blob: SourceBlob, { mimeType }: Pick<NeededBlob, 'mimeType'>): Sending => ({
  blob,
  types: typesToSend(blob.mimeType, mimeType, blob.head),
})

/**
 * Sends a blob to the target under a type that it takes. The CID that it answers must be the right one. A body that is a
 * stream is sent once. Throws XrpcError and BlobError; what is held may be sent again, and goes on with the same type.
 */
export async function sendBlob(deps: CopyDeps, client: Client, cid: string, sending: Sending): Promise<void> {
  for (;;) {
    const [type = 'application/octet-stream', ...others] = sending.types
    try {
      const found = await upload(deps, client, type, sending.blob)
      if (found === cid) return
      throw new BlobError('target', 'refused', `the target says that its CID is ${String(found)}`)
    } catch (cause) {
      const last = others.length === 0 || sending.blob.bytes === undefined
      if (last || !mayMeanType(cause) || isTooLarge(cause)) throw cause
      sending.types = others
    }
  }
}

/** Whether it may help to send it again, and is worth the wait. */
export const isWorthWaiting = (cause: unknown, nowMs: number): boolean =>
  isRetryable(cause) && (cause.status !== 429 || askedToWaitMs(cause.headers, nowMs) <= MAX_WAIT_MS)
