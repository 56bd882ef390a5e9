/** Our side of an import: the account here, and the owner's session on it. */
import { type Client, connect, type Session } from '../../client/index.ts'
import { orServerError, type ErrorCodes } from '../serverErrors.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { keyFileName, readKeyFile } from '../init/keyFiles.ts'
import type { ResumeState } from './resumeState.ts'
import type { Self } from './source.ts'

export interface Here extends Self {
  handle: string
  resume: ResumeState
}

const signedIn = (context: Context, here: Here, session: Session): Client =>
  connect(here.origin, {
    session,
    fetch: context.io.fetch,
    onSession: (changed) => here.resume.write({ session: changed }),
  })

/** An empty account, deactivated. The same service token may ask twice: an answer can get lost. */
export async function createAccount(
  context: Context,
  here: Here,
  token: string,
  meanings: ErrorCodes = {},
): Promise<Client> {
  const server = connect(here.origin, { token, fetch: context.io.fetch })
  const { did, handle } = here
  const create = () => server.com.atproto.server.createAccount({ did, handle })
  const created = await orServerError(
    create().catch((cause: unknown) => {
      if (context.io.signal.aborted) throw cause
      return create()
    }),
    { InvalidRequest: 'sign-in-needed', InvalidToken: 'token-refused', '*': 'import-refused', ...meanings },
  )
  const { accessJwt, refreshJwt } = created
  const session = { did: created.did, handle: created.handle, accessJwt, refreshJwt }
  await here.resume.write({ session })
  return signedIn(context, here, session)
}

const password = async (context: Context, here: Here): Promise<string> => {
  const { io, prompts, project } = context
  const given = io.env['PDS_PASSWORD']
  if (given) return given
  const keys = project ? await readKeyFile(keyFileName(project.root, here.handle)) : undefined
  if (keys?.accountPassword) return keys.accountPassword
  if (io.stdin.isTTY)
    return await prompts.secret(`Account password of ${here.handle} on this server (the one of pds init)`)
  throw new CliError(
    'sign-in-needed',
    `there is an account of ${here.did} here already, and nobody is signed in`,
    {
      next: 'give the account password of this server as PDS_PASSWORD',
    },
  )
}

/** The owner's session: the one that an earlier run left, else a new one by the account password. */
export async function ownerSession(context: Context, here: Here): Promise<Client> {
  const { session } = await here.resume.read()
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
    await orServerError(anyone.login({ identifier: here.did, password: await password(context, here) }), {
      AuthenticationRequired: 'sign-in-needed',
    })
  ).session
  if (!fresh) throw new CliError('sign-in-needed', 'the server gave no session')
  await here.resume.write({ session: fresh })
  return signedIn(context, here, fresh)
}
