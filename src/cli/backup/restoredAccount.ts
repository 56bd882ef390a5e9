import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, connect, XrpcError } from '../../client/index.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import { environmentPassword, parseHost, PASSWORD_HOST_VAR } from '../project/config.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { getStatus, type Status, stateOf } from '../servers/status.ts'

/** The account on the server that a backup is restored to. It may not exist yet. */
export interface RestoredAccount {
  readonly did: string
  readonly handle: string
  readonly origin: string
  readonly serviceDid: string
  /** Says that a restore has asked this server to create the account. It holds no secret. */
  readonly marker: string
}

/** One name, whatever a server calls itself. */
const fileSafe = (text: string): string => text.replace(/[^a-z0-9.-]|^\.+|^$/gi, '-')

/** Asks the server which account it is for, and in which state that account is. */
export async function openRestoredAccount(
  context: Context,
): Promise<{ admin: Client; status: Status; here: RestoredAccount }> {
  const { origin } = context.address()
  const admin = await context.admin()
  const status = await getStatus(admin)
  const { did, handle, identity } = status
  if (identity.error) throw new CliError('directory-unavailable', identity.error)
  const { did: serviceDid } = await orServerError(context.anyone().com.atproto.server.describeServer())
  const root = context.project?.root ?? context.io.cwd
  const marker = join(root, '.wrangler', 'restore', `${fileSafe(new URL(origin).host)}-${fileSafe(did)}.json`)
  return { admin, status, here: { did, handle, origin, serviceDid, marker } }
}

/** Notes that this server was asked to create the account. */
const noteCreating = ({ did, origin, marker }: RestoredAccount): Promise<number> =>
  writeAtomically(marker, `${JSON.stringify({ restoring: did, to: origin })}\n`, 0o600)

export const forgetCreating = ({ marker }: RestoredAccount): Promise<void> => rm(marker, { force: true })

/** Whether the server has answered that it will not do it. */
const isRefusal = (cause: unknown): boolean =>
  cause instanceof XrpcError && cause.status >= 400 && cause.status < 500

/**
 * Asks before a restore goes on with an account that no run in this folder has made, and that was never active: the
 * one who made it may still be signed in to it.
 */
export async function confirmFoundAccount(
  { out, prompts }: Context,
  { did, origin, marker }: RestoredAccount,
  status: Status,
  isOwners: boolean,
): Promise<void> {
  if (stateOf(status) === 'absent' || isOwners || (await readText(marker)) !== undefined) return
  const found = `${origin} has an account of ${did} already, which was never active, and no restore in this folder has made it`
  out.warn(
    `${found}. \`pds log\` shows when it was made, and \`pds sessions\` who is signed in to it; the first activation ends every session.`,
    'account-found',
  )
  await prompts.insist('Go on with the account that is here?', new CliError('account-found', found))
}

/**
 * The account password on this server: of PDS_PASSWORD, the key file, or the user's answer. The first two only if they
 * are for this server.
 */
const accountPassword = async (context: Context, here: RestoredAccount): Promise<string> => {
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

/** Signs in with the account password. The session is kept in memory only. */
export async function signInAsOwner(context: Context, here: RestoredAccount): Promise<Client> {
  const password = await accountPassword(context, here)
  const anyone = connect(here.origin, { fetch: context.io.fetch })
  return await orServerError(anyone.login({ identifier: here.did, password }), {
    AuthenticationRequired: 'sign-in-needed',
  })
}

/**
 * Creates the account, empty and deactivated, with the account password of this server. If that fails, it asks once
 * more with the same token: the answer may have been lost. `getToken` runs after the password is known: a token that
 * is valid for a minute must not wait for somebody to type.
 */
export async function createAccount(
  context: Context,
  here: RestoredAccount,
  getToken: () => Promise<string>,
): Promise<Client> {
  const password = await accountPassword(context, here)
  const token = await getToken()
  const server = connect(here.origin, { token, fetch: context.io.fetch })
  const { did, handle } = here
  const create = () => server.com.atproto.server.createAccount({ did, handle, password })
  await noteCreating(here)
  const created = await orServerError(
    create()
      .catch((cause: unknown) => {
        if (context.io.signal.aborted || isRefusal(cause)) throw cause
        return create()
      })
      .catch(async (cause: unknown) => {
        // An account that is here although this server has refused to create it is somebody else's.
        if (isRefusal(cause)) await forgetCreating(here)
        throw cause
      }),
    {
      InvalidRequest: 'sign-in-needed',
      InvalidPassword: 'sign-in-needed',
      '*': 'import-refused',
      InvalidToken: 'import-refused',
      ExpiredToken: 'import-refused',
    },
  )
  const { accessJwt, refreshJwt } = created
  const session = { did: created.did, handle: created.handle, accessJwt, refreshJwt }
  return connect(here.origin, { session, fetch: context.io.fetch })
}
