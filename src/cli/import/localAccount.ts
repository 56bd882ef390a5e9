import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { orServerError, type ErrorCodes } from '../servers/serverErrors.ts'
import type { Context } from '../command.ts'
import { environmentPassword, parseHost, PASSWORD_HOST_VAR } from '../project/config.ts'
import { CliError } from '../errors.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import { getStatus, stateOf, type Status } from '../servers/status.ts'
import { type ResumeState, resumeState } from './resumeState.ts'
import type { Destination } from './source.ts'

/** The account on this server, into which an import writes. It may not exist yet. */
export interface LocalAccount extends Destination {
  handle: string
  resume: ResumeState
}

/** Asks this server which account it is for, and in which state that account is. */
export async function openLocalAccount(
  context: Context,
): Promise<{ admin: Client; status: Status; here: LocalAccount }> {
  const { origin } = context.address()
  const admin = await context.admin()
  const status = await getStatus(admin)
  const { did, handle, identity } = status
  if (identity.error) throw new CliError('directory-unavailable', identity.error)
  const { did: serviceDid } = await orServerError(context.anyone().com.atproto.server.describeServer())
  const resume = resumeState(context.project?.root ?? context.io.cwd, origin, did)
  return { admin, status, here: { did, handle, origin, serviceDid, resume } }
}

const signedIn = (context: Context, here: LocalAccount, session: Session): Client =>
  connect(here.origin, {
    session,
    fetch: context.io.fetch,
    onSession: (changed) => here.resume.write({ session: changed }),
  })

/** Whether the server has answered that it will not do it. */
const isRefusal = (cause: unknown): boolean =>
  cause instanceof XrpcError && cause.status >= 400 && cause.status < 500

/**
 * Asks before an import goes on with an account that no run in this folder has made, and that was never active: the
 * one who made it may still be signed in to it.
 */
export async function confirmFoundAccount(
  { out, prompts }: Context,
  { did, origin, resume }: LocalAccount,
  status: Status,
  isOwners: boolean,
): Promise<void> {
  if (stateOf(status) === 'absent' || isOwners) return
  const { session, creating } = await resume.read()
  if (session || creating) return
  const found = `${origin} has an account of ${did} already, which was never active, and no import in this folder has made it`
  out.warn(
    `${found}. If another migration tool of yours has made it, go on. \`pds log\` shows when it was made, and \`pds sessions\` who is signed in to it; the first activation ends every session.`,
    'account-found',
  )
  await prompts.insist('Go on with the account that is here?', new CliError('account-found', found))
}

/**
 * Creates the account, empty and deactivated, with the account password of this server. If that fails, it asks once
 * more with the same token: the answer may have been lost. `getToken` runs after the password is known: a token that
 * is valid for a minute must not wait for somebody to type.
 */
export async function createAccount(
  context: Context,
  here: LocalAccount,
  getToken: () => Promise<string>,
  codes: ErrorCodes = {},
): Promise<Client> {
  const password = await accountPassword(context, here)
  const token = await getToken()
  const server = connect(here.origin, { token, fetch: context.io.fetch })
  const { did, handle } = here
  const create = () => server.com.atproto.server.createAccount({ did, handle, password })
  await here.resume.write({ creating: true })
  const created = await orServerError(
    create()
      .catch((cause: unknown) => {
        if (context.io.signal.aborted || isRefusal(cause)) throw cause
        return create()
      })
      .catch(async (cause: unknown) => {
        // An account that is here although this server has refused to create it is somebody else's.
        if (isRefusal(cause)) await here.resume.write({ creating: undefined })
        throw cause
      }),
    {
      InvalidRequest: 'sign-in-needed',
      InvalidPassword: 'sign-in-needed',
      InvalidToken: 'token-refused',
      ExpiredToken: 'token-expired',
      '*': 'import-refused',
      ...codes,
    },
  )
  const { accessJwt, refreshJwt } = created
  const session = { did: created.did, handle: created.handle, accessJwt, refreshJwt }
  await here.resume.write({ session })
  return signedIn(context, here, session)
}

/**
 * The account password on this server: of PDS_PASSWORD, the key file, or the user's answer. The first two only if they
 * are for this server.
 */
const accountPassword = async (context: Context, here: LocalAccount): Promise<string> => {
  const { io, prompts, project, address } = context
  const server = address()
  const given = environmentPassword('PDS_PASSWORD', server, io.env)
  if (given) return given
  const keys = project && server.isProjectServer ? (await keyFileOf(project.root, here))?.keys : undefined
  if (keys?.accountPassword && parseHost(keys.hostname, 'the key file') === server.origin)
    return keys.accountPassword
  return await prompts.secretOfTerminal(
    `Account password of ${here.handle} on ${new URL(here.origin).host} (the one that pds init set)`,
    new CliError('sign-in-needed', `the account password of this server is needed for ${here.did}`, {
      next: `give the account password of this server as PDS_PASSWORD${server.isProjectServer ? '' : `, with ${PASSWORD_HOST_VAR}=${new URL(server.origin).host}`}`,
    }),
  )
}

/** A client with the owner's session: that of an earlier run, otherwise a new one by the account password. */
export async function signInAsOwner(context: Context, here: LocalAccount): Promise<Client> {
  const { session } = await here.resume.read()
  if (session) {
    const client = signedIn(context, here, session)
    try {
      await client.com.atproto.server.getSession()
      return client
    } catch {
      // The session has expired or was revoked: sign in with the password.
    }
  }
  const anyone = connect(here.origin, { fetch: context.io.fetch })
  const fresh = (
    await orServerError(
      anyone.login({ identifier: here.did, password: await accountPassword(context, here) }),
      {
        AuthenticationRequired: 'sign-in-needed',
      },
    )
  ).session
  if (!fresh) throw new CliError('sign-in-needed', 'the server opened no session')
  await here.resume.write({ session: fresh })
  return signedIn(context, here, fresh)
}
