/** From what a server answered to what a person is told. By the error's name, never by its text. */
import { XrpcError } from '../client/index.ts'
import { DirectoryError } from '../plc/directory.ts'
import { CATALOGUE, type Code, CliError } from './errors.ts'
import { plain } from './output.ts'

const COMMON_CODES: Record<string, Code> = {
  NetworkError: 'host-unreachable',
  Unexpected: 'not-cirrus',
  MethodNotImplemented: 'not-cirrus',
  AuthMissing: 'wrong-admin-password',
  AuthenticationRequired: 'wrong-admin-password',
  RateLimitExceeded: 'rate-limit',
  UpstreamFailure: 'directory-unavailable',
  DirectoryUnavailable: 'directory-unavailable',
  InternalServerError: 'server-error',
  RepoNotFound: 'account-absent',
  InvalidScope: 'invalid-scope',
  KeyNotAuthorized: 'rotation-key',
  NothingToVoid: 'nothing-to-void',
  ExpiredToken: 'token-expired',
}

export type ErrorCodes = Readonly<Record<string, Code>>

/** Waits for an answer; a refusal becomes the error that the command means by it. */
export async function orServerError<T>(call: Promise<T>, meanings: ErrorCodes = {}): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw serverError(cause, meanings)
  }
}

export function serverError(cause: unknown, meanings: ErrorCodes = {}): unknown {
  if (cause instanceof DirectoryError) {
    const code = cause.retryable
      ? 'directory-unavailable'
      : cause.code === 'NotFound'
        ? 'did-not-found'
        : 'directory-refused'
    return new CliError(code, plain(cause.message), { cause })
  }
  if (!(cause instanceof XrpcError)) return cause
  const { error, headers } = cause
  const message = error === 'NetworkError' ? noAnswer(cause) : cause.message
  const [, said = message, docs] = /^([^]*?)\.? See (docs\/troubleshoot\.md#[a-z-]+)\.?$/.exec(message) ?? []
  // The server may name the entry itself.
  const topic = docs?.split('#')[1]
  const code = meanings[error] ?? COMMON_CODES[error] ?? meanings['*'] ?? (isCode(topic) ? topic : 'refused')
  const wait = Number(headers.get('retry-after'))
  const next = code === 'rate-limit' && wait > 0 ? { next: `wait ${wait} seconds, then run it again` } : {}
  return new CliError(code, plain(said || error), {
    server: error,
    cause,
    ...next,
    ...(docs ? { docs } : {}),
  })
}

const isCode = (text: string | undefined): text is Code => text !== undefined && text in CATALOGUE

/** Why there was no answer, as the system calls it. */
const noAnswer = ({ message, cause }: XrpcError): string => {
  const inner = cause instanceof Error ? cause.cause : undefined
  const reason = inner instanceof Error && 'code' in inner ? ` (${String(inner.code)})` : ''
  return `no answer${reason}: ${message}`
}
