import { XrpcError } from '../client/index.ts'
import { splitDocsLink } from '../docsLink.ts'
import { DirectoryError } from '../plc/directory.ts'
import { MoverError, type MoverErrorCode } from './moverError.ts'

/** What a server's errors mean, by their names. `*` is for every other refusal. */
export type Meanings = Readonly<Record<string, MoverErrorCode>>

/** Why there was no answer, with the system's code for it. */
export const noAnswer = ({ message, cause }: XrpcError): string => {
  const inner = cause instanceof Error ? cause.cause : undefined
  const reason = inner instanceof Error && 'code' in inner ? ` (${String(inner.code)})` : ''
  return `no answer${reason}: ${message}`
}

/** The server's message. A failure of a server says nothing by itself, so its status and side are added. */
const messageOf = (cause: XrpcError, side: 'source' | 'target'): string => {
  if (cause.error === 'NetworkError') return noAnswer(cause)
  if (cause.status < 500 || cause.status === 501) return cause.message
  return `the ${side} failed with ${cause.status} ${cause.error}: ${cause.message}`
}

/**
 * What an answer means where nothing is said of its name: servers use many names for the same thing, so the status
 * counts.
 */
const byStatus = ({ error, status }: XrpcError, side: 'source' | 'target'): MoverErrorCode | undefined => {
  if (error === 'NetworkError') return `${side}-unreachable`
  if (status === 429) return 'rate-limit'
  if (status === 408 || (status >= 500 && status !== 501)) return `${side}-unreachable`
  if (status === 401) return side === 'source' ? 'source-sign-in' : 'sign-in-needed'
  return undefined
}

const BY_NAME: Meanings = { ExpiredToken: 'token-expired', InvalidToken: 'token-refused' }

/** What a failure of the PLC directory means. */
export const directoryCode = ({ retryable, code }: DirectoryError) => {
  if (retryable) return 'directory-unavailable'
  return code === 'NotFound' ? 'did-not-found' : 'directory-refused'
}

/** The MoverError for what a server or the directory refused; any other cause is returned as it is. */
export function moverFailure(cause: unknown, side: 'source' | 'target', meanings: Meanings = {}): unknown {
  if (cause instanceof DirectoryError) return new MoverError(directoryCode(cause), cause.message, { cause })
  if (!(cause instanceof XrpcError)) return cause
  const { reason, docs } = splitDocsLink(messageOf(cause, side))
  const code =
    meanings[cause.error] ??
    byStatus(cause, side) ??
    (side === 'source' ? BY_NAME[cause.error] : undefined) ??
    meanings['*'] ??
    `${side}-refused`
  const wait = Number(cause.headers.get('retry-after'))
  return new MoverError(code, reason || cause.error, {
    cause,
    docs,
    server: cause.error,
    ...(code === 'rate-limit' && wait > 0
      ? { next: `wait ${wait} seconds, then run the same command again` }
      : {}),
  })
}

/** The answer of a call to the source. */
export async function ofSource<T>(call: Promise<T>, meanings?: Meanings): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw moverFailure(cause, 'source', meanings)
  }
}

/** The answer of a call to the target. */
export async function ofTarget<T>(call: Promise<T>, meanings?: Meanings): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw moverFailure(cause, 'target', meanings)
  }
}

/** Whether a server has answered that it will not do it, as opposed to an answer that was lost or a failure. */
export const isRefusal = (cause: unknown): cause is XrpcError =>
  cause instanceof XrpcError &&
  cause.status >= 400 &&
  cause.status < 500 &&
  cause.status !== 429 &&
  cause.status !== 408
