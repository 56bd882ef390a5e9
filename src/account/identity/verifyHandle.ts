import { InvalidHandleError, isValidTld, normalizeAndEnsureValidHandle } from '@atproto/syntax'
import { IdentityError } from '../../identity/errors.ts'
import type { Identity } from '../../identity/identity.ts'
import { docsLink } from '../../docsLink.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'

export interface VerifyHandleDeps {
  identity: Pick<Identity, 'lookUpHandle'>
  did: string
}

const invalidHandle = (message: string) => new XrpcError('InvalidHandle', `handle: ${message}`)

/** The handle in its one spelling, or the error `InvalidHandle`: its length, its characters, a reserved ending. */
export const parseHandle = (text: string): string => {
  const shown = JSON.stringify(text.slice(0, 300))
  try {
    const handle = normalizeAndEnsureValidHandle(text)
    if (isValidTld(handle)) return handle
    throw invalidHandle(`${shown} ends in a name that is reserved and never leads anywhere`)
  } catch (cause) {
    if (cause instanceof InvalidHandleError) throw invalidHandle(`${shown}: ${cause.message}`)
    throw cause
  }
}

/** What the owner of a domain publishes, so that it is a handle of this account. */
const howToPublish = (handle: string, did: string): string =>
  `publish the TXT record _atproto.${handle} with the text did=${did}, or that DID alone as plain text at https://${handle}/.well-known/atproto-did`

/** Asks the network now. Refuses a handle that does not resolve to the account, and says what to publish. */
export const verifyHandle = async ({ identity, did }: VerifyHandleDeps, handle: string): Promise<void> => {
  const found = await identity.lookUpHandle(handle).catch((cause: unknown) => {
    if (!(cause instanceof IdentityError)) throw cause
    if (cause.retryable)
      throw error(
        'UpstreamFailure',
        `${cause.message}. Nothing has changed; try again. ${docsLink('handle-unresolved')}`,
      )
    throw error(
      'InvalidRequest',
      `handle: ${cause.message}: ${howToPublish(handle, did)}. ${docsLink('handle-unresolved')}`,
    )
  })
  if (found !== did)
    throw error(
      'InvalidRequest',
      `handle: ${handle} resolves to ${found.slice(0, 256)}, not to ${did}: ${howToPublish(handle, did)}. ${docsLink('handle-unresolved')}`,
    )
}
