import { type Client, connect, type Session, XrpcError } from '../../client/index.ts'
import { MoverError } from '../moverError.ts'
import { isRefusal, ofTarget } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { NewAccount, Target, TargetOpener } from '../target.ts'
import { describeServer } from './describeServer.ts'
import { isCirrusOrigin } from './isCirrus.ts'
import { statusOf } from './passwordSource.ts'
import { recommendedData } from './plcData.ts'
import { endSession, openSession, refuseAppPassword, signIn } from './session.ts'
import { uploadFetch } from './uploadFetch.ts'

/** Whether an account is there, and active: what a server tells anyone. */
const stateOf = async (anyone: Client, did: string): ReturnType<Target['state']> => {
  try {
    const { active } = await anyone.com.atproto.sync.getRepoStatus({ did })
    return active ? 'active' : 'inactive'
  } catch (cause) {
    // Servers have different names for it. A status says whether it is a refusal at all.
    if (cause instanceof XrpcError && isRefusal(cause) && cause.status !== 401)
      return cause.error === 'RepoDeactivated' ? 'inactive' : 'absent'
    return await ofTarget(Promise.reject(cause))
  }
}

/** Creates the account. If the answer is lost, it asks once more with the same token. */
const create = async (
  { did, handle, password, email, inviteCode, token }: NewAccount,
  { origin, deps }: { origin: string; deps: MoverDeps },
): Promise<Session> => {
  const server = connect(origin, { token, fetch: deps.fetch })
  const input = {
    did,
    handle,
    password,
    ...(email === undefined ? {} : { email }),
    ...(inviteCode === undefined ? {} : { inviteCode }),
  }
  const ask = () => server.com.atproto.server.createAccount(input)
  const { accessJwt, refreshJwt, ...created } = await ask().catch((cause: unknown) => {
    if (deps.signal.aborted || isRefusal(cause)) throw cause
    return ask()
  })
  if (created.did !== did)
    throw new MoverError(
      'target-lies',
      `${origin} was to create ${did}, and says that it made ${created.did}`,
    )
  return { did, handle: created.handle, accessJwt, refreshJwt }
}

/** Any PDS as the target: described, and not signed in to. */
export async function openStandardTarget(
  origin: string,
  { owner, deps: given }: { owner: Owner; deps: MoverDeps },
): Promise<Target> {
  const deps = { ...given, fetch: uploadFetch(given.fetch) }
  const description = await describeServer(origin, deps)
  const anyone = connect(origin, { fetch: deps.fetch })
  const cirrus = await isCirrusOrigin(origin, deps)
  let client = anyone
  const opened: Client[] = []
  const use = (session: Client) => {
    client = session
    opened.push(session)
  }
  return {
    kind: cirrus ? 'cirrus' : 'standard',
    origin,
    serviceDid: description.did,
    description,
    ownHandle: cirrus ? description.account?.handle : undefined,
    hasPassword: cirrus,
    get client() {
      return client
    },
    state: (did) => stateOf(anyone, did),
    wasActivated: async () => undefined,
    async createAccount(account) {
      use(anyone.withSession(await create(account, { origin, deps })))
    },
    async signIn({ identifier, password }) {
      const session = await signIn({ origin, identifier, password }, { owner, deps })
      use(session)
      if (session.session) refuseAppPassword(session.session, origin)
    },
    recommended: () => recommendedData(client),
    submit: (operation) =>
      ofTarget(client.com.atproto.identity.submitPlcOperation({ operation: { ...operation } }), {
        InvalidRequest: 'directory-refused',
        DirectoryUnavailable: 'directory-unavailable',
        UpstreamFailure: 'directory-unavailable',
      }),
    activate: () =>
      ofTarget(client.com.atproto.server.activateAccount(), { InvalidRequest: 'did-elsewhere' }),
    deactivate: () => ofTarget(client.com.atproto.server.deactivateAccount({})),
    status: () => ofTarget(statusOf(client)),
    async end() {
      const left: string[] = []
      for (const session of opened.splice(0)) {
        const why = await endSession(session, deps)
        if (why !== undefined) left.push(openSession(origin, cirrus ? 'cirrus' : 'standard', why))
      }
      client = anyone
      return left
    },
  }
}

export const standardTarget = (options: { origin: string; owner: Owner; deps: MoverDeps }): TargetOpener => ({
  origin: options.origin,
  open: () => openStandardTarget(options.origin, options),
})
