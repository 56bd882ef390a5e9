import { assertPasswordHash } from '../../crypto/password.ts'
import { Secret } from '../../crypto/secret.ts'
import { docsLink } from '../../docsLink.ts'
import type { Platform } from '../../platform.ts'
import { error } from '../../xrpc/errors.ts'
import type { KnownNetworks } from './knownNetworks.ts'
import type { RateLimits } from './rateLimits.ts'

/** The account password, for everything that asks for it. */
export interface Passwords {
  /**
   * Whether it is the account's password. Counts as a sign-in of the network, and throws `RateLimitExceeded` where there
   * were too many, or where too many are being checked now.
   */
  matches(password: string, network?: string): Promise<boolean>
}

export interface PasswordsDeps {
  platform: Pick<Platform, 'matchesPassword'>
  rateLimits: Pick<RateLimits, 'signIn'>
  knownNetworks: KnownNetworks
  /** The deployment's PASSWORD_HASH. */
  passwordHash: Secret
}

/** Passwords that are checked at once: each takes 16 MB of memory, and a second of processor time or less. */
const MAX_CHECKS = 3
/** One place is left for the networks that the owner has signed in from. */
const MAX_CHECKS_OF_STRANGERS = MAX_CHECKS - 1
/** After so many seconds there may be a place: a check takes about as long. */
const BUSY_RETRY_S = 1

const busy = () =>
  error(
    'RateLimitExceeded',
    `too many passwords are being checked at this moment; try again in ${BUSY_RETRY_S} second. ${docsLink('rate-limit')}`,
    { 'retry-after': String(BUSY_RETRY_S) },
  )

/** Throws if PASSWORD_HASH is not a hash. */
export const createPasswords = (deps: PasswordsDeps): Passwords => {
  const { platform, rateLimits, knownNetworks, passwordHash } = deps
  assertPasswordHash(passwordHash)
  let running = 0
  return {
    matches: async (password, network = '') => {
      if (running >= (knownNetworks.has(network) ? MAX_CHECKS : MAX_CHECKS_OF_STRANGERS)) throw busy()
      rateLimits.signIn(network)
      running++
      try {
        const isRight = await platform.matchesPassword(network, new Secret(password), passwordHash)
        if (isRight) knownNetworks.remember(network)
        return isRight
      } finally {
        running--
      }
    },
  }
}
