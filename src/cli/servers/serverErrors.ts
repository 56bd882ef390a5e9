import { XrpcError } from '../../client/index.ts'
import { splitDocsLink } from '../../docsLink.ts'
import { directoryCode, noAnswer } from '../../mover/refusal.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { CATALOGUE } from '../catalogue.ts'
import { type Code, CliError } from '../errors.ts'

/** What an error means where the command says nothing else. */
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
  InvalidHandle: 'invalid-handle',
  KeyNotReady: 'key-not-ready',
  OperationChanged: 'operation-changed',
  RetentionLocked: 'retention-locked',
  // Of the owner's session, which has ended: what takes a migration token says so itself.
  ExpiredToken: 'sign-in-needed',
}

/** By the name of a server's error, never by its text: the code of the CLI. `*` is for every other name. */
export type ErrorCodes = Readonly<Record<string, Code>>

/** The answer of a call. If the server refuses, it throws the CliError that the refusal means here. */
export async function orServerError<T>(call: Promise<T>, codes: ErrorCodes = {}): Promise<T> {
  try {
    return await call
  } catch (cause) {
    throw serverError(cause, codes)
  }
}

/** The CliError for what a server or the PLC directory refused; any other cause is returned as it is. */
export function serverError(cause: unknown, codes: ErrorCodes = {}): unknown {
  if (cause instanceof DirectoryError) return new CliError(directoryCode(cause), cause.message, { cause })
  if (!(cause instanceof XrpcError)) return cause
  const { error, headers } = cause
  const { reason, docs } = splitDocsLink(error === 'NetworkError' ? noAnswer(cause) : cause.message)
  // The message may name its entry itself.
  const topic = docs?.split('#')[1]
  const code = codes[error] ?? COMMON_CODES[error] ?? codes['*'] ?? (isCode(topic) ? topic : 'refused')
  const wait = Number(headers.get('retry-after'))
  const next =
    code === 'rate-limit' && wait > 0 ? { next: `wait ${wait} seconds, then run the command again` } : {}
  return new CliError(code, reason || error, {
    server: error,
    cause,
    ...next,
    ...(docs ? { docs } : {}),
  })
}

const isCode = (text: string | undefined): text is Code => text !== undefined && text in CATALOGUE
