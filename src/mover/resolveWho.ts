import { isValidDid, isValidHandle, normalizeHandle } from '@atproto/syntax'
import { isPublicKey } from '../crypto/publicKey.ts'
import { createDidResolver } from '../identity/didResolver.ts'
import { IdentityError } from '../identity/errors.ts'
import { createHandleLookup } from '../identity/handleResolver.ts'
import type { Outbound } from '../outbound.ts'
import { createSend } from './send.ts'
import { PDS_ID } from '../plc/build.ts'
import { createDirectory } from '../plc/directory.ts'
import type { PlcData, VerifiedLog } from '../plc/types.ts'
import { operationData } from '../plc/verifyLog.ts'
import { connect } from '../client/index.ts'
import { MoverError } from './moverError.ts'
import { moverFailure } from './refusal.ts'
import type { MoverDeps } from './moverDeps.ts'
import type { Who } from './who.ts'

const identityFailure = (cause: unknown): unknown => {
  if (!(cause instanceof IdentityError)) return moverFailure(cause, 'source')
  const code =
    cause.code === 'Unavailable'
      ? 'directory-unavailable'
      : cause.code === 'NotFound'
        ? 'did-not-found'
        : 'directory-refused'
  return new MoverError(code, cause.message, { cause })
}

/**
 * The DID of a handle: as DNS and the well-known file say; else as the server says on which the account is said to be,
 * which proves nothing yet: the DID has to name that server and the handle.
 */
const didOf = async (
  handle: string,
  host: string | undefined,
  deps: MoverDeps,
  send: Outbound,
): Promise<string> => {
  if (!isValidHandle(handle))
    throw new MoverError('did-not-found', `"${handle}" is neither a handle nor a DID`)
  // Names such as alice.test lead nowhere: only their server knows them.
  if (!(deps.dev && handle.endsWith('.test')))
    try {
      return await createHandleLookup({ send })(normalizeHandle(handle))
    } catch (cause) {
      if (host === undefined || !(cause instanceof IdentityError)) throw identityFailure(cause)
    }
  if (host === undefined)
    throw new MoverError('did-not-found', `the handle ${handle} does not resolve`, {
      next: 'give the DID of the account',
    })
  try {
    const server = connect(host, { fetch: deps.fetch })
    const { did } = await server.com.atproto.identity.resolveHandle({ handle: normalizeHandle(handle) })
    return did
  } catch (cause) {
    throw moverFailure(cause, 'source', { InvalidRequest: 'did-not-found', HandleNotFound: 'did-not-found' })
  }
}

const originOfEndpoint = (endpoint: string | undefined): string | undefined =>
  endpoint !== undefined && URL.canParse(endpoint) ? new URL(endpoint).origin : undefined

/** The `at://` names of a DID that are handles, the first one first. */
export const handlesOf = (alsoKnownAs: readonly string[]): string[] =>
  alsoKnownAs
    .filter((name) => name.startsWith('at://'))
    .map((name) => name.slice('at://'.length).toLowerCase())
    .filter((name) => isValidHandle(name))

/** The values that the valid operations of a log had, the newest first, each once. */
const everSaid = (log: VerifiedLog, read: (data: PlcData) => string | undefined): string[] => {
  const values = log.entries
    .filter(({ nullified }) => !nullified)
    .map(({ operation }) => operationData(operation))
    .map((data) => (data ? read(data) : undefined))
    .filter((value) => value !== undefined)
  return [...new Set(values.toReversed())]
}

/** The origins of the PDSes that the DID named before the present one, the last one first. */
export const earlierPdses = (log: VerifiedLog): string[] =>
  everSaid(log, ({ services }) => originOfEndpoint(services[PDS_ID]?.endpoint)).slice(1)

/** When the DID began to name a PDS at this origin, without a break until now; undefined if it does not name it. */
export const namedSince = (log: VerifiedLog, origin: string): number | undefined => {
  const standing = log.entries
    .filter(({ nullified }) => !nullified)
    .map(({ operation, createdAt }) => ({ data: operationData(operation), createdAt }))
  const before = standing.findLastIndex(
    ({ data }) => originOfEndpoint(data?.services[PDS_ID]?.endpoint) !== origin,
  )
  return standing[before + 1]?.createdAt
}

const usable = (keys: readonly (string | undefined)[]): string[] =>
  keys.filter((key): key is string => key !== undefined && isPublicKey(key))

/**
 * Finds out whose account it is and where it is, from the verified log of the DID (a did:web: from its document). Nothing
 * but names is sent. `host` is where the account is said to be.
 */
export async function resolveWho(account: string, host: string | undefined, deps: MoverDeps): Promise<Who> {
  const send = createSend(deps)
  const directory = createDirectory(send, deps.directoryUrl)
  const did = isValidDid(account) ? account : await didOf(account.replace(/^@/, ''), host, deps, send)
  try {
    if (!did.startsWith('did:plc:')) {
      const document = await createDidResolver({ send, directory, dev: deps.dev })(did)
      const { pds, handle, signingKey } = document
      return { did, handle, pds, signingKeys: usable([signingKey]), log: undefined, head: undefined }
    }
    const log = await directory.log(did)
    const { data } = log.head
    if (!data)
      throw new MoverError('directory-refused', `${did} has been tombstoned: it can never be used again`)
    return {
      did,
      handle: handlesOf(data.alsoKnownAs)[0],
      pds: originOfEndpoint(data.services[PDS_ID]?.endpoint),
      signingKeys: usable(everSaid(log, ({ verificationMethods }) => verificationMethods['atproto'])),
      log,
      head: { ...log.head, data },
    }
  } catch (cause) {
    throw identityFailure(cause)
  }
}
