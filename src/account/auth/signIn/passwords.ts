import { isAppPassword } from '../../../crypto/appPassword.ts'
import { assertPasswordHash } from '../../../crypto/password.ts'
import { Secret } from '../../../crypto/secret.ts'
import { docsLink } from '../../../docsLink.ts'
import type { Platform } from '../../../platform.ts'
import { error } from '../../../xrpc/errors.ts'
import type { AppPassword, AppPasswords } from './appPasswords.ts'
import type { KnownNetworks } from '../limits/knownNetworks.ts'
import type { RateLimits } from '../limits/rateLimits.ts'

/** The account password and the app passwords, for everything that asks for one. */
export interface Passwords {
  /**
   * Whether it is the account's password. Counts as a sign-in of the network, and throws `RateLimitExceeded` where there
   * were too many, or where too many are being checked now.
   */
  matches(password: string, network?: string): Promise<boolean>
  /**
   * Whose password it is: the account's own, an app password, or neither (undefined). It counts and throws as `matches`
   * does. An app password counts only where `mayBeApp` is set. A wrong one takes as long as any wrong password. Where the
   * owner has switched the account password off, it throws `AuthenticationRequired` for everything but an app password,
   * and says nothing of whether it was right.
   */
  whose(password: string, network: string | undefined, mayBeApp: boolean): Promise<PasswordOwner | undefined>
}

export type PasswordOwner = { kind: 'account' } | { kind: 'app'; appPassword: AppPassword }

export interface PasswordsDeps {
  platform: Pick<Platform, 'matchesPassword'>
  rateLimits: Pick<RateLimits, 'signIn'>
  knownNetworks: KnownNetworks
  appPasswords: Pick<AppPasswords, 'find'>
  /** The deployment's PASSWORD_HASH. */
  passwordHash: Secret
  /** Whether the account password opens pages and sessions. */
  isPasswordEnabled(): boolean
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

const switchedOff = () =>
  error(
    'AuthenticationRequired',
    'Signing in with the account password is switched off: use a passkey in the browser or an app password in the app, or switch it on again with `pds passkey password on`',
  )

/** Throws if PASSWORD_HASH is not a hash. */
export const createPasswords = (deps: PasswordsDeps): Passwords => {
  const { platform, rateLimits, knownNetworks, appPasswords, passwordHash, isPasswordEnabled } = deps
  assertPasswordHash(passwordHash)
  let running = 0

  const assertPlace = (network: string): void => {
    if (running >= (knownNetworks.has(network) ? MAX_CHECKS : MAX_CHECKS_OF_STRANGERS)) throw busy()
  }

  /** Checks the account password, by an object of its own. There must be a place, and the sign-in must be counted. */
  const check = async (password: Secret, network: string): Promise<boolean> => {
    running++
    try {
      const isRight = await platform.matchesPassword(network, password, passwordHash)
      if (isRight) knownNetworks.remember(network)
      return isRight
    } finally {
      running--
    }
  }

  const matches: Passwords['matches'] = async (password, network = '') => {
    assertPlace(network)
    rateLimits.signIn(network)
    return await check(new Secret(password), network)
  }

  return {
    matches,
    whose: async (password, network = '', mayBeApp) => {
      const given = new Secret(password)
      if (!isAppPassword(given)) {
        if (isPasswordEnabled()) return (await matches(password, network)) ? { kind: 'account' } : undefined
        rateLimits.signIn(network)
        throw switchedOff()
      }
      // An app password needs no place: its hash is a fast one. It makes no network known: an app that is not to be
      // trusted could make the account forget those of its owner.
      const appPassword = mayBeApp ? appPasswords.find(password) : undefined
      rateLimits.signIn(network, appPassword !== undefined)
      if (appPassword) return { kind: 'app', appPassword }
      if (!isPasswordEnabled()) throw switchedOff()
      // The account's own may have this form too.
      assertPlace(network)
      return (await check(given, network)) ? { kind: 'account' } : undefined
    },
  }
}
