/** Our side of an import: the account here, and the owner's session on it. */
import { type Client, connect, type Session } from '../../client/index.ts'
import { answer, type Meanings } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { keyFileName, readKeyFile } from '../init/keyFiles.ts'
import type { Keeper } from './resumeState.ts'
import type { Self } from './source.ts'

export interface Here extends Self {
  handle: string
  keep: Keeper
}

const signedIn = (context: Context, here: Here, session: Session): Client =>
  connect(here.origin, {
    session,
    fetch: context.io.fetch,
    onSession: (changed) => here.keep.write({ session: changed }),
  })

/** An empty account, deactivated. The same service token may ask twice: an answer can get lost. */
export async function createAccount(
  context: Context,
  here: Here,
  token: string,
  meanings: Meanings = {},
): Promise<Client> {
  const server = connect(here.origin, { token, fetch: context.io.fetch })
  const { did, handle } = here
  const create = () => server.com.atproto.server.createAccount({ did, handle })
  const created = await answer(
    create().catch((cause: unknown) => {
      if (context.io.signal.aborted) throw cause
      return create()
    }),
    { InvalidRequest: 'sign-in-needed', InvalidToken: 'token-refused', '*': 'import-refused', ...meanings },
  )
  const { accessJwt, refreshJwt } = created
  const session = { did: created.did, handle: created.handle, accessJwt, refreshJwt }
  await here.keep.write({ session })
  return signedIn(context, here, session)
}

const password = async (context: Context, here: Here): Promise<string> => {
  const { io, ask, project } = context
  const given = io.env['PDS_PASSWORD']
  if (given) return given
  const keys = project ? await readKeyFile(keyFileName(project.root, here.handle)) : undefined
  if (keys?.accountPassword) return keys.accountPassword
  if (io.stdin.isTTY)
    return await ask.secret(`Account password of ${here.handle} on this server (the one of pds init)`)
  throw new CliError(
    'sign-in-needed',
    `there is an account of ${here.did} here already, and nobody is signed in`,
    {
      next: 'give the account password of this server as PDS_PASSWORD',
    },
  )
}

/** The owner's session: the one that an earlier run left, else a new one by the account password. */
export async function ownSession(context: Context, here: Here): Promise<Client> {
  const { session } = await here.keep.read()
  if (session) {
    const client = signedIn(context, here, session)
    try {
      await client.com.atproto.server.getSession()
      return client
    } catch {
      // Over, or revoked: the password it is.
    }
  }
  const anyone = connect(here.origin, { fetch: context.io.fetch })
  const fresh = (
    await answer(anyone.login({ identifier: here.did, password: await password(context, here) }), {
      AuthenticationRequired: 'sign-in-needed',
    })
  ).session
  if (!fresh) throw new CliError('sign-in-needed', 'the server gave no session')
  await here.keep.write({ session: fresh })
  return signedIn(context, here, fresh)
}
