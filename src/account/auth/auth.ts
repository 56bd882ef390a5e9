import type { Config } from '../../config.ts'
import type { RotationKey, SigningKey } from '../../signing/keys.ts'
import { createSessionTokens } from '../../signing/sessionTokens.ts'
import type { Platform } from '../../platform.ts'
import type { State } from '../../policy.ts'
import { readPasswordDisabled } from '../db/accountRow.ts'
import { readHead } from '../db/head.ts'
import type { Sql } from '../db/sql.ts'
import type { IdentityWatch } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { OAuth } from '../oauth/oauth.ts'
import { createNeeds } from '../oauth/scopes/needs.ts'
import { type Authorize, createAuthorize, createAuthorizeBy } from './authorize.ts'
import { type AuthorizeProxy, createAuthorizeProxy } from './authorizeProxy.ts'
import { createFailures, type Failures } from './limits/failures.ts'
import { createKnownNetworks } from './limits/knownNetworks.ts'
import { createRateLimits, type RateLimits } from './limits/rateLimits.ts'
import { noteNewPassword } from './sessions/noteNewPassword.ts'
import { createSessions, type Sessions, type TokenPair } from './sessions/sessions.ts'
import { type AppPasswords, createAppPasswords } from './signIn/appPasswords.ts'
import { createPasswords, type Passwords } from './signIn/passwords.ts'
import { signIn, type SignInInput } from './signIn/signIn.ts'
import { signInToPages, type SignInToPagesInput } from './signIn/signInToPages.ts'
import { createStillValid } from './stillValid.ts'
import { createMigrationTokens, type MigrationTokens } from './tokens/migrationTokens.ts'
import { createMoveInTokenVerifier } from './tokens/moveInToken.ts'
import { createServiceAuth, type ServiceAuth } from './tokens/serviceAuth.ts'
import { createVerifyCredential } from './verifyCredential.ts'
import { createVerifyGrant } from './verifyGrant.ts'

/** Who may do what: passwords, sessions, tokens, and the limits on trying them. */
export interface Auth {
  rateLimits: RateLimits
  failures: Failures
  sessions: Sessions
  appPasswords: AppPasswords
  passwords: Passwords
  serviceAuth: ServiceAuth
  migrationTokens: MigrationTokens
  authorize: Authorize
  /** Answers the Worker, which forwards a request to another service. */
  authorizeProxy: AuthorizeProxy
  signIn(input: SignInInput): Promise<TokenPair>
  /** Signs a browser in: the secret for its cookie; undefined where identifier or password is wrong. */
  signInToPages(input: SignInToPagesInput): Promise<string | undefined>
}

export interface AuthDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random' | 'matchesPassword'>
  journal: Journal
  config: Pick<
    Config,
    | 'did'
    | 'origin'
    | 'serviceDid'
    | 'previous'
    | 'dev'
    | 'email'
    | 'writePointsPerHour'
    | 'uploadsPerDay'
    | 'services'
  > & { secrets: Pick<Config['secrets'], 'adminPassword' | 'passwordHash' | 'session'> }
  signingKey: SigningKey
  rotationKey: Pick<RotationKey, 'did'>
  identityWatch: IdentityWatch
  /** The account's handle now. */
  handle(): string
  state(): State
  /** Looks at the DID more often for a while, because it may move soon. */
  watchMove(): Promise<void>
  /** Throws while writes are fenced off. */
  assertNotFenced(): void
  oauth: Pick<OAuth, 'dpop' | 'grants' | 'grantTokens' | 'browserSignIns' | 'passkeys'>
}

/** As clients name it by default, where none is configured: preferences are kept here in any case. */
const appViewOf = ({ appView }: Config['services']): string =>
  `${appView?.did ?? 'did:web:api.bsky.app'}#bsky_appview`

export const createAuth = (deps: AuthDeps): Auth => {
  const { sql, platform, config, identityWatch, oauth } = deps
  const { adminPassword, passwordHash, session } = config.secrets
  const tokens = createSessionTokens(session, passwordHash)
  const audiences = [config.serviceDid, ...config.previous.map(({ serviceDid }) => serviceDid)]
  const base = { ...config, ...deps }

  const knownNetworks = createKnownNetworks(base)
  const rateLimits = createRateLimits({ ...base, knownNetworks })
  const failures = createFailures({ ...base, rateLimits })
  noteNewPassword({ ...base, ...oauth, tokens })
  const sessions = createSessions({ ...base, ...oauth, tokens })
  const appPasswords = createAppPasswords({ ...base, sessions })
  const passwords = createPasswords({
    ...base,
    rateLimits,
    knownNetworks,
    appPasswords,
    passwordHash,
    isPasswordEnabled: () => !readPasswordDisabled(sql),
  })
  const serviceAuth = createServiceAuth(base)
  const migrationTokens = createMigrationTokens({ ...base, rateLimits })
  const verifyCredential = createVerifyCredential({
    ...base,
    audiences,
    adminPassword,
    tokens,
    sessions,
    rateLimits,
    knownNetworks,
    failures,
    migrationTokens,
    verifyMoveInToken: createMoveInTokenVerifier({ ...base, rateLimits }),
    verifyGrant: createVerifyGrant({ ...base, ...oauth, audiences }),
  })
  const assertStillValid = createStillValid({ platform, sessions, migrationTokens, grants: oauth.grants })
  const authorizeBy = createAuthorizeBy({ ...base, verifyCredential, assertStillValid })
  return {
    rateLimits,
    failures,
    sessions,
    appPasswords,
    passwords,
    serviceAuth,
    migrationTokens,
    authorize: createAuthorize(authorizeBy, createNeeds({ appView: appViewOf(config.services) })),
    authorizeProxy: createAuthorizeProxy({ authorizeBy, serviceAuth, head: () => readHead(sql)?.rev }),
    signIn: (input) => signIn({ ...base, passwords, failures, sessions, identityWatch }, input),
    signInToPages: (input) => signInToPages({ ...base, ...oauth, passwords, failures }, input),
  }
}
