import { type Client, connect } from '../../client/index.ts'
import { MoverError } from '../moverError.ts'
import { isRefusal, moverFailure, ofSource } from '../refusal.ts'
import type { AccountStatus } from '../accountStatus.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Owner } from '../owner.ts'
import type { Source, SourceOpener } from '../source.ts'
import type { Target } from '../target.ts'
import type { Who } from '../who.ts'
import { isCirrus } from './isCirrus.ts'
import {
  endSession,
  forCleanUp,
  openSession,
  refuseAppPassword,
  requestAccountToken,
  signIn,
} from './session.ts'

/** For how long a Cirrus holds writes back at most. */
export const FENCE_MINUTES = 60

/** What PDSes answer to a mailed code that they do not accept. */
const CODE_REFUSED = { InvalidToken: 'code-refused', ExpiredToken: 'code-refused' } as const

/** The account's state, as its server says to its owner. */
export const statusOf = async (client: Client): Promise<AccountStatus> => {
  const { activated, repoCommit, repoRev } = await client.com.atproto.server.checkAccountStatus()
  return { active: activated, commit: repoCommit || undefined, rev: repoRev || undefined }
}

/**
 * The rotation keys that a server recommends for accounts of its own. A Cirrus recommends its owner's recovery keys too,
 * which are above its own, so of those only the last counts.
 */
const recommendedKeys = async (client: Client, cirrus: boolean): Promise<readonly string[] | undefined> => {
  try {
    const { rotationKeys } = await client.com.atproto.identity.getRecommendedDidCredentials()
    if (!Array.isArray(rotationKeys)) return undefined
    return cirrus ? rotationKeys.slice(-1) : rotationKeys
  } catch (cause) {
    // A 501 is a refusal as well: the server does not have the method.
    if (isRefusal(cause) || (cause instanceof Error && Reflect.get(cause, 'status') === 501)) return undefined
    throw moverFailure(cause, 'source')
  }
}

/**
 * Throws if the session cannot move the account. Not every server says what a password is; but none lets an app password
 * have a token with which an account is created elsewhere.
 */
const refuseWeakSession = async (source: Source, target: Target): Promise<void> => {
  try {
    await source.accountToken(target.serviceDid)
  } catch (cause) {
    if (!(cause instanceof MoverError) || !isRefusal(cause.cause)) throw cause
    throw new MoverError(
      'app-password',
      `${source.name} gives this session no token to create the account elsewhere, as with an app password: ${cause.message}`,
      { cause },
    )
  }
}

/** A source with the owner's session, which is the account password's, not an app password's. */
export async function sessionSource(
  client: Client,
  { did }: Pick<Who, 'did'>,
  deps: MoverDeps,
): Promise<Source> {
  const { origin, session } = client
  if (session?.did !== did)
    throw new MoverError(
      'wrong-account',
      `${origin} has signed you in to ${session?.did ?? 'no account'}, and ${did} is to move`,
    )
  refuseAppPassword(session, origin)
  const cirrus = await isCirrus(client, did).catch((cause: unknown) => {
    throw moverFailure(cause, 'source')
  })
  const kind = cirrus ? 'cirrus' : 'standard'
  let last: Client | undefined
  // One for all of the clean-up: it may have renewed the session.
  const cleanUpClient = () => (last ??= forCleanUp(client, deps))
  return {
    kind,
    did,
    origin,
    name: origin,
    client,
    accountToken: (aud) => requestAccountToken(client, aud, deps.now()),
    namedKeys: () => recommendedKeys(client, cirrus),
    async readToken(refused) {
      // While the account is active everyone may read it. The call renews an access token that has expired.
      if (!refused) return undefined
      await ofSource(client.com.atproto.server.getSession())
      return client.session?.accessJwt
    },
    requestCode: () => ofSource(client.com.atproto.identity.requestPlcOperationSignature()),
    async sign({ rotationKeys, alsoKnownAs, verificationMethods, services }, token) {
      const request = { token, rotationKeys, alsoKnownAs, verificationMethods, services: { ...services } }
      return (await ofSource(client.com.atproto.identity.signPlcOperation(request), CODE_REFUSED)).operation
    },
    ...(cirrus
      ? {
          async fence(on: boolean) {
            const { com } = on ? client : cleanUpClient()
            await ofSource(com.cirrus.admin.fenceWrites({ minutes: on ? FENCE_MINUTES : 0 }))
          },
        }
      : {}),
    deactivate: () => ofSource(client.com.atproto.server.deactivateAccount({})),
    status: () => ofSource(statusOf(client)),
    async end() {
      const why = await endSession(cleanUpClient(), deps)
      return why === undefined ? [] : [openSession(origin, kind, why)]
    },
  }
}

/**
 * Any PDS as the source, with the account password. The PLC step needs the code that the PDS mails (on a Cirrus: a
 * migration token). Without an origin, it is the one that the DID names. At an entryway only the sign-in happens.
 */
export const passwordSource = (options: {
  origin: string | undefined
  identifier: string
  owner: Owner
  deps: MoverDeps
}): SourceOpener => ({
  origin: options.origin,
  async open(who, target) {
    const { identifier, owner, deps } = options
    const origin = options.origin ?? who.pds
    if (origin === undefined)
      throw new MoverError('did-not-found', `${who.did} names no PDS, so there is nothing to move`)
    const password = await owner.answer('sourcePassword', { origin, identifier })
    const client = await signIn({ origin, identifier, password }, { owner, deps }).catch((cause: unknown) => {
      // Servers name a wrong password in different ways, and with a status of 400 or 401.
      throw moverFailure(cause, 'source', { '*': 'source-sign-in' })
    })
    const atPds = who.pds === undefined || who.pds === target.origin ? origin : who.pds
    const session = client.session
    const used = atPds === origin || !session ? client : connect(atPds, { session, fetch: deps.fetch })
    try {
      const source = await sessionSource(used, who, deps)
      if (who.pds !== target.origin) await refuseWeakSession(source, target)
      return source
    } catch (cause) {
      await endSession(used, deps)
      throw cause
    }
  },
})
