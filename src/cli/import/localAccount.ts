import { type Client, connect, type Session } from '../../client/index.ts'
import { orServerError, type ErrorCodes } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { environmentPassword, parseHost, PASSWORD_HOST_VAR } from '../config.ts'
import { CliError } from '../errors.ts'
import { keyFilePath, readKeyFile } from '../init/keyFiles.ts'
import { getStatus, type Status } from '../status.ts'
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
  const resume = resumeState(context.project?.root ?? context.io.cwd, did)
  return { admin, status, here: { did, handle, origin, serviceDid, resume } }
}

const signedIn = (context: Context, here: LocalAccount, session: Session): Client =>
  connect(here.origin, {
    session,
    fetch: context.io.fetch,
    onSession: (changed) => here.resume.write({ session: changed }),
  })

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
  const created = await orServerError(
    create().catch((cause: unknown) => {
      if (context.io.signal.aborted) throw cause
      return create()
    }),
    {
      InvalidRequest: 'sign-in-needed',
      InvalidPassword: 'sign-in-needed',
      InvalidToken: 'token-refused',
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
  const keys =
    project && server.isProjectServer ? await readKeyFile(keyFilePath(project.root, here.handle)) : undefined
  if (keys?.accountPassword && parseHost(keys.hostname, 'the key file') === server.origin)
    return keys.accountPassword
  if (io.stdin.isTTY)
    return await prompts.secret(
      `Account password of ${here.handle} on this server (the one that pds init set)`,
    )
  throw new CliError('sign-in-needed', `the account password of this server is needed for ${here.did}`, {
    next: `give the account password of this server as PDS_PASSWORD${server.isProjectServer ? '' : `, with ${PASSWORD_HOST_VAR}=${new URL(server.origin).host}`}`,
  })
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
