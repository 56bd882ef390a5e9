import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { CREATE_ACCOUNT, type Scope } from '../../signing/migrationToken.ts'
import { orServerError, serverError, type ErrorCodes } from '../serverErrors.ts'
import { firstLine } from '../prompts.ts'
import type { Context } from '../command.ts'
import { parseHost } from '../config.ts'
import { CliError } from '../errors.ts'
import { plain } from '../output.ts'
import { readToken } from './readToken.ts'

/** The PDS that the account comes from. */
export interface Source {
  readonly origin: string
  readonly client: Client
  /** A token for createAccount on the server with this service DID. */
  createToken(aud: string): Promise<string>
  /** The `token` of signPlcOperation. */
  plcToken(): Promise<string>
  /** Deactivates the account there; undefined if that is not allowed. */
  deactivate: (() => Promise<void>) | undefined
  /** The answer of a call to the source; a refusal becomes a CliError that names the source. */
  orError<T>(call: Promise<T>): Promise<T>
}

/** The server that the account moves to. */
export interface Self {
  did: string
  origin: string
  serviceDid: string
}

/** What the source's errors mean. */
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

/** What a PDS answers when it does not accept the code that it sent by e-mail. */
const PLC_CODE_ERRORS: ErrorCodes = { InvalidToken: 'code-refused', ExpiredToken: 'code-refused' }

const orSourceError = <T>(call: Promise<T>): Promise<T> => orServerError(call, SOURCE_CODES)

/** The CliError for what the source refused. */
export const sourceError = (cause: unknown): unknown => serverError(cause, SOURCE_CODES)

const createToken = async (client: Client, aud: string, now: number): Promise<string> => {
  const exp = Math.floor(now / 1000) + 60
  return (await orSourceError(client.com.atproto.server.getServiceAuth({ aud, lxm: CREATE_ACCOUNT, exp })))
    .token
}

/**
 * A Cirrus, with a migration token. The token comes from standard input or a prompt, because arguments are visible in
 * the process list.
 */
export async function tokenSource(
  context: Context,
  from: string,
  self: Self,
  needs: readonly Scope[],
): Promise<Source> {
  const { io, prompts } = context
  const origin = parseHost(from, '--from')
  const check = (token: string) => readToken(token, { ...self, now: io.now(), needs })
  const checkShown = (token: string) => {
    try {
      check(token.trim())
      return undefined
    } catch (cause) {
      return cause instanceof CliError ? `${cause.message}. ${cause.next}.` : String(cause)
    }
  }
  const prompt = (why: string) =>
    prompts.secret(`${why}, printed by \`pds migrate-token --target ${self.origin}\` there`, {
      check: checkShown,
    })
  let token = (io.stdin.isTTY ? await prompt(`Migration token of ${origin}`) : await firstLine(io)).trim()
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
    createToken: (aud) => createToken(client, aud, io.now()),
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
      : await firstLine(io))
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

/** Any PDS, with the account password, as goat does it. The PLC step needs the code that the PDS sends by e-mail. */
export async function passwordSource(
  context: Context,
  from: string,
  self: Self,
  identifier: string,
): Promise<Source> {
  const { io, prompts } = context
  const origin = parseHost(from, '--from')
  const client = await login(context, origin, identifier)
  const session: Session | undefined = client.session
  if (session?.did !== self.did)
    throw new CliError(
      'wrong-account',
      `${plain(identifier)} is ${session?.did ?? 'nobody'}, and this server is for ${self.did}`,
    )
  return {
    origin,
    client,
    orError: (call) => orServerError(call, { ...SOURCE_CODES, ...PLC_CODE_ERRORS }),
    createToken: (aud) => createToken(client, aud, io.now()),
    async plcToken() {
      const given = io.env['PDS_PLC_TOKEN']
      if (given) return given
      await orSourceError(client.com.atproto.identity.requestPlcOperationSignature())
      return await prompts.text(
        'PLC code that the source has sent to you by e-mail (on a Cirrus: a migration token)',
        {
          flag: 'PDS_PLC_TOKEN in the environment',
        },
      )
    },
    deactivate: () => orSourceError(client.com.atproto.server.deactivateAccount({})),
  }
}
