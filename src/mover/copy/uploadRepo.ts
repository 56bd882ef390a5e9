import { createHash } from 'node:crypto'
import { type Client, type Output, XrpcError } from '../../client/index.ts'
import { isRetryable, retrying } from '../../client/retry.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure } from '../refusal.ts'
import { type CopyDeps, retryOptions } from './copyDeps.ts'

type Pull = Output<'com.cirrus.admin.beginRepoUpload'>['pull']

/** Bytes of a part, far below what one request may have: that much at most is sent again. */
const PART_BYTES = 32 * 1024 * 1024
/** Parts in a row of which nothing was kept. */
const MAX_IDLE_PARTS = 3
/** How often it is asked how far the server is. */
const POLL_MS = 1000

const sha256Of = async (car: Blob, signal: AbortSignal): Promise<string> => {
  const hash = createHash('sha256')
  const reader = car.stream().getReader()
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    signal.throwIfAborted()
    hash.update(read.value)
  }
  return hash.digest('hex')
}

const failed = (origin: string, { error = '', message = '' }: Pull): MoverError =>
  new MoverError(
    error === 'RequestTimeout' || error === 'UpstreamFailure' || error === 'ImportInProgress'
      ? 'target-unreachable'
      : 'import-refused',
    `${origin} does not take the repository: ${message}. Nothing was changed`,
    { server: error },
  )

/** What a refusal means here. */
const refused = (cause: unknown, { origin }: Client, size: number): unknown => {
  if (!(cause instanceof XrpcError)) return cause
  const { error, status, message } = cause
  const tooLarge = (why: string) =>
    new MoverError('import-too-large', `${why}. Nothing was changed`, { cause, server: error })
  if (status === 501)
    return tooLarge(
      `${origin} is of a version that takes no repository in parts, and one of ${size} bytes does not fit into a request`,
    )
  if (error === 'PayloadTooLarge') return tooLarge(message)
  // Of a proxy before it.
  if (status === 413)
    return new MoverError(
      'import-too-large',
      `${origin} does not take a part of the repository: ${message}`,
      {
        cause,
        next: 'give the size of the requests that it takes with --max-request, then run the same command again',
      },
    )
  if (error === 'PullInProgress')
    return new MoverError('import-refused', message, {
      cause,
      server: error,
      next: 'let that end, or call com.cirrus.admin.cancelPull, then run the same command again',
    })
  return moverFailure(cause, 'target', { InvalidRequest: 'import-refused', '*': 'import-refused' })
}

/**
 * Sends a repository that is too large for one request to a Cirrus, part by part, and follows it until it is verified and
 * in place. `client` is the account's session or the administrator. What the server has already is not sent again: this
 * may be interrupted anywhere, and the next call goes on. Throws MoverError.
 */
export async function uploadRepo(
  deps: CopyDeps,
  client: Client,
  car: Blob,
  { maxRequestBytes = PART_BYTES }: { maxRequestBytes?: number | undefined } = {},
): Promise<void> {
  const { signal } = deps
  const { beginRepoUpload, uploadRepoPart, getPull } = client.com.cirrus.admin
  const partBytes = Math.min(PART_BYTES, maxRequestBytes)
  const retry = retrying(retryOptions(deps))
  const sha256 = await sha256Of(car, signal)
  const source = `sha256:${sha256}`
  const begin = async (): Promise<Pull> =>
    (await beginRepoUpload({ sha256, size: car.size }, { signal })).pull
  try {
    let pull = await retry(begin)
    const sendNext = async (): Promise<Pull> => {
      const offset = pull.received
      const body = car.slice(offset, offset + partBytes, 'application/octet-stream')
      try {
        return (await uploadRepoPart(body, { params: { sha256, offset }, signal })).pull
      } catch (cause) {
        // What came of it is kept there. Another run may have sent more, or something else was there meanwhile.
        const isBehind = cause instanceof XrpcError && cause.error === 'PartMissing'
        if (isRetryable(cause) || isBehind) pull = await begin()
        if (isBehind) return pull
        throw cause
      }
    }
    for (let idle = 0, most = -1; pull.phase === 'receiving';) {
      deps.progress?.({ bytes: pull.received, totalBytes: car.size })
      idle = pull.received > most ? 0 : idle + 1
      most = Math.max(most, pull.received)
      if (idle === MAX_IDLE_PARTS)
        throw new MoverError(
          'target-lies',
          `${client.origin} answered ${idle} times that it took a part of the repository, and still has ${pull.received} bytes of it`,
        )
      pull = await retry(sendNext)
    }
    while (pull.phase !== 'done') {
      if (pull.phase === 'failed') throw failed(client.origin, pull)
      deps.progress?.({ bytes: pull.received, totalBytes: car.size })
      await deps.wait(POLL_MS, signal)
      const { pull: found } = await retry(() => getPull({}, { signal }))
      if (found?.source !== source)
        throw new MoverError('import-refused', `${client.origin} was told to stop taking the repository`)
      pull = found
    }
  } catch (cause) {
    signal.throwIfAborted()
    throw refused(cause, client, car.size)
  }
}
