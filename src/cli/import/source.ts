import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { sourceRotationKeys } from '../../mover/identity/sourceRotationKeys.ts'
import { CREATE_ACCOUNT, type Scope } from '../../signing/migrationToken.ts'
import { orServerError, serverError, type ErrorCodes } from '../servers/serverErrors.ts'
import { firstInputLine } from '../terminal/prompts.ts'
import type { Context } from '../command.ts'
import { parseHost } from '../project/config.ts'
import { CliError } from '../errors.ts'
import { checkToken } from './checkToken.ts'

/** The PDS that the account comes from. */
export interface Source {
  readonly origin: string
  readonly client: Client
  /** A service-auth token for createAccount on the server with this service DID, valid for a minute. */
  accountToken(aud: string): Promise<string>
  /** The rotation keys that the source names as its own; undefined if it does not say. */
  rotationKeys(): Promise<string[] | undefined>
  /** The `token` of signPlcOperation. */
  plcToken(): Promise<string>
  /** Deactivates the account there; undefined if that is not allowed. */
  deactivate: (() => Promise<void>) | undefined
  /** The answer of a call to the source; a refusal becomes a CliError that names the source. */
  orError<T>(call: Promise<T>): Promise<T>
}

/** The account that moves, and the server that it moves to. */
export interface Destination {
  /** DID of the account. */
  did: string
  /** Origin of the server. */
  origin: string
  /** DID of the server. */
  serviceDid: string
}

/** The codes for the source's errors. */
const SOURCE_CODES: ErrorCodes = {
  NetworkError: 'source-unreachable',
  Unexpected: 'source-refused',
  MethodNotImplemented: 'source-refused',
  AuthMissing: 'source-sign-in',
  AuthenticationRequired: 'source-sign-in',
  InternalServerError: 'source-unreachable',
  ExpiredToken: 'token-expired',
  InvalidToken: 'token-refused',
  RepoNotFound: 'source-refused',
  '*': 'source-refused',
}

/** The codes for what a PDS answers when it does not accept the PLC code that it sent by e-mail. */
const PLC_CODE_ERRORS: ErrorCodes = { InvalidToken: 'code-refused', ExpiredToken: 'code-refused' }

const orSourceError = <T>(call: Promise<T>): Promise<T> => orServerError(call, SOURCE_CODES)

/** The CliError for what the source refused. */
export const sourceError = (cause: unknown): unknown => serverError(cause, SOURCE_CODES)

const requestAccountToken = async (client: Client, aud: string, now: number): Promise<string> => {
  const exp = Math.floor(now / 1000) + 60
  return (await orSourceError(client.com.atproto.server.getServiceAuth({ aud, lxm: CREATE_ACCOUNT, exp })))
    .token
}

/**
 * Opens a Cirrus as the source, with a migration token. The token comes from standard input or a prompt, because
 * arguments are visible in the process list.
 */
export async function tokenSource(
  context: Context,
  from: string,
  destination: Destination,
  needs: readonly Scope[],
): Promise<Source> {
  const { io, prompts } = context
  const origin = parseHost(from, '--from')
  const check = (token: string) => checkToken(token, { ...destination, now: io.now(), needs })
  const promptCheck = (token: string) => {
    try {
      check(token.trim())
      return undefined
    } catch (cause) {
      return cause instanceof CliError ? `${cause.message}. ${cause.next}.` : String(cause)
    }
  }
  const prompt = (why: string) =>
    prompts.secret(`${why}, printed by \`pds migrate-token --target ${destination.origin}\` there`, {
      check: promptCheck,
    })
  let token = (
    io.stdin.isTTY ? await prompt(`Migration token of ${origin}`) : await firstInputLine(io)
  ).trim()
  if (token === '')
    throw new CliError('not-a-terminal', 'no migration token on standard input', {
      next: `pds migrate-token … | pds import --from ${from}`,
    })
  const facts = check(token)
  const renewToken = async () => {
    if (!io.stdin.isTTY)
      throw new CliError('token-expired', 'the token expired during the copy; what was copied is kept')
    return (token = (await prompt('The token has expired. Another one')).trim())
  }
  const client = connect(origin, { token, renewToken, fetch: io.fetch })
  return {
    origin,
    client,
    orError: orSourceError,
    accountToken: (aud) => requestAccountToken(client, aud, io.now()),
    // A migration token does not open getRecommendedDidCredentials.
    rotationKeys: async () => undefined,
    plcToken: async () => token,
    deactivate: facts.scope.includes('account:deactivate')
      ? () => orSourceError(client.com.atproto.server.deactivateAccount({}))
      : undefined,
  }
}

const login = async (context: Context, origin: string, identifier: string): Promise<Client> => {
  const { io, prompts } = context
  const given = io.env['PDS_SOURCE_PASSWORD']
  const password =
    given ??
    (io.stdin.isTTY
      ? await prompts.secret(`Account password of ${identifier} on ${origin}`)
      : await firstInputLine(io))
  if (!password)
    throw new CliError('not-a-terminal', `the account password of ${identifier} is missing`, {
      next: 'give it on standard input or as PDS_SOURCE_PASSWORD',
    })
  const anyone = connect(origin, { fetch: io.fetch })
  try {
    return await anyone.login({ identifier, password })
  } catch (cause) {
    if (!(cause instanceof XrpcError) || cause.error !== 'AuthFactorTokenRequired') throw sourceError(cause)
    const authFactorToken = await prompts.text('Sign-in code that the source has sent to you by e-mail')
    return await orSourceError(anyone.login({ identifier, password, authFactorToken }))
  }
}

/**
 * Opens any PDS as the source, with the account password, as goat does. The PLC step needs the code that the PDS sends
 * by e-mail.
 */
export async function passwordSource(
  context: Context,
  from: string,
  destination: Destination,
  identifier: string,
): Promise<Source> {
  const { io, prompts } = context
  const origin = parseHost(from, '--from')
  const client = await login(context, origin, identifier)
  const session: Session | undefined = client.session
  if (session?.did !== destination.did)
    throw new CliError(
      'wrong-account',
      `${identifier} is ${session?.did ?? 'nobody'}, and this server is for ${destination.did}`,
    )
  return {
    origin,
    client,
    orError: (call) => orServerError(call, { ...SOURCE_CODES, ...PLC_CODE_ERRORS }),
    accountToken: (aud) => requestAccountToken(client, aud, io.now()),
    rotationKeys: () => orSourceError(sourceRotationKeys(client, destination.did)),
    async plcToken() {
      const given = io.env['PDS_PLC_TOKEN']
      if (given) return given
      await orSourceError(client.com.atproto.identity.requestPlcOperationSignature())
      return await prompts.text(
        'PLC code that the source has sent to you by e-mail (on a Cirrus: a migration token)',
        {
          alternative: 'PDS_PLC_TOKEN in the environment',
        },
      )
    },
    deactivate: () => orSourceError(client.com.atproto.server.deactivateAccount({})),
  }
}
