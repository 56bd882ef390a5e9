import { IdentityError } from '../identity/errors.ts'
import type { Identity } from '../identity/identity.ts'
import type { Platform } from '../platform.ts'
import type { Destination } from './destination.ts'
import { createStaleWhileRevalidate } from './staleWhileRevalidate.ts'

export interface ServicesDeps {
  identity: Pick<Identity, 'resolveDid'>
  platform: Pick<Platform, 'now' | 'timer' | 'keepAlive'>
}

/** Finds the address of a service, without a `/` at the end. Throws an IdentityError. */
export type AddressOf = (destination: Destination) => Promise<string>

// A document may have 256 KB: what is kept of it is bounded.
const MAX_SERVICES = 20
const MAX_ADDRESS_LENGTH = 1024

/** How long it is remembered that a document could not be had, and that there is none. */
const UNAVAILABLE_MS = 10_000
const NOT_FOUND_MS = 60_000

const isAddress = (text: string): boolean => {
  const url = text.length <= MAX_ADDRESS_LENGTH && URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && !url.search && !url.hash
}

/** Looks services up in DID documents, which it keeps. */
export const createServices = ({ identity, platform }: ServicesDeps): AddressOf => {
  const documents = createStaleWhileRevalidate({
    platform,
    load: async (did: string) => {
      const { services } = await identity.resolveDid(did)
      return new Map(
        [...services]
          .slice(0, MAX_SERVICES)
          .map(([id, { endpoint }]) => [id, isAddress(endpoint) ? endpoint.replace(/\/+$/, '') : undefined]),
      )
    },
    late: (did) => new IdentityError('Unavailable', `${did} could not be resolved within 3 seconds`),
    failureMs: (cause) =>
      cause instanceof IdentityError && !cause.retryable ? NOT_FOUND_MS : UNAVAILABLE_MS,
  })

  return async ({ did, id, url }) => {
    if (url !== undefined) return url
    const addresses = await documents.get(did)
    const address = addresses.get(id)
    if (address !== undefined) return address
    throw new IdentityError(
      'NotFound',
      addresses.has(id)
        ? `the address of #${id} in the DID document of ${did} is not one that can be asked`
        : `the DID document of ${did} has no service #${id}`,
    )
  }
}
