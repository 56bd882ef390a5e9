/** Migration tokens: minted by the admin only, kept by nobody, revoked all at once. */
import { TokenError } from '../../crypto/errors.ts'
import { newId } from '../../crypto/newId.ts'
import type { SigningKey } from '../../signing/keys.ts'
import {
  CREATE_ACCOUNT,
  DEFAULT_SCOPES,
  isOrigin,
  isScope,
  migrationTimes,
  type PlcClaim,
  type Scope,
  SCOPES,
} from '../../signing/migrationToken.ts'
import { fault } from '../../fault.ts'
import type { Platform } from '../../platform.ts'
import { DirectoryError } from '../../plc/directory.ts'
import { error, XrpcError } from '../../xrpc/errors.ts'
import { docsLink } from '../../docsLink.ts'
import type { IdentityWatch, Observation } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { RateLimits } from './rateLimits.ts'
import type { Sql } from '../db/sql.ts'
import { readAccount, raiseTokensNotBefore } from '../db/accountRow.ts'

export interface MigrationDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'random'>
  journal: Journal
  rate: RateLimits
  watch: IdentityWatch
  key: Pick<SigningKey, 'signMigrationToken'>
  /** did:key of the rotation key. */
  rotationKey: string
  did: string
  serviceDid: string
  origin: string
  dev: boolean
}

export interface MintInput {
  audience?: string
  target?: string
  scope?: readonly string[]
}

export interface Minted {
  token: string
  jti: string
  audience: string
  scope: Scope[]
  expiresAt: string
}

const invalidScope = (message: string) =>
  new XrpcError('InvalidScope', `${message}. ${docsLink('token-scope')}`)

export class MigrationTokens {
  readonly #deps: MigrationDeps

  constructor(deps: MigrationDeps) {
    this.#deps = deps
  }

  /** Mints a token. The journal knows it before it exists; the token itself is not kept. */
  async mint(input: MintInput): Promise<Minted> {
    const { sql, platform, journal, rate, key, did, serviceDid } = this.#deps
    const bound = this.#bound(input)
    const asked = input.scope && this.#askedFor(input.scope)
    const { scope, plc } = await this.#rotation(asked)
    // Only tokens that come into being count: a directory that was down must not cost the owner the hour.
    rate.mint()
    const jti = newId(platform.random)
    const audience = bound?.audience ?? serviceDid
    const { iat, exp } = sql.transaction(() => {
      const times = migrationTimes(platform.now(), readAccount(sql).tokensNotBefore)
      journal.append('mint', {
        jti,
        audience,
        target: bound?.target ?? null,
        scope: scope.join(' '),
        exp: times.exp,
      })
      return times
    })
    fault('mint.afterJournal')
    const token = await key
      .signMigrationToken({
        iss: did,
        aud: audience,
        ...(bound && { target: bound.target, lxm: CREATE_ACCOUNT }),
        ...{ iat, exp, jti, scope: scope.join(' ') },
        ...(plc && { plc }),
      })
      .catch((cause: unknown) => {
        // Old logs hold data that no directory would take today.
        if (cause instanceof TokenError) throw invalidScope(`plc:sign: ${cause.message}`)
        throw cause
      })
    return { token, jti, audience, scope, expiresAt: new Date(exp * 1000).toISOString() }
  }

  /** Refuses every token minted until now; answers since when, in milliseconds. */
  revoke(): number {
    const { sql, platform, journal } = this.#deps
    return sql.transaction(() => {
      const { tokensNotBefore } = readAccount(sql)
      // A token minted right after the last revocation begins at the next full second: this one counts too.
      const latest = Math.ceil(tokensNotBefore / 1000) * 1000
      const now = platform.now()
      const notBefore = latest > now ? latest + 1 : now
      raiseTokensNotBefore(sql, notBefore)
      journal.append('revoke-tokens', { notBefore })
      return notBefore
    })
  }

  /** The target, checked; undefined for a token that is used here only. */
  #bound({ target, audience }: MintInput): { target: string; audience: string } | undefined {
    const { serviceDid, origin, dev } = this.#deps
    if (target === undefined) {
      if (audience !== undefined && audience !== serviceDid)
        throw error(
          'InvalidRequest',
          `audience: a token for ${audience} needs a target, the origin of that PDS`,
        )
      return undefined
    }
    const text = target.replace(/\/$/, '')
    if (!isOrigin(text) || !(text.startsWith('https://') || dev))
      throw error(
        'InvalidRequest',
        `target: expected the origin of the new PDS, such as https://pds.example, got "${target.slice(0, 200)}"`,
      )
    if (audience === undefined)
      throw error(
        'InvalidRequest',
        `audience: the service DID that ${text} states in its describeServer is needed with a target`,
      )
    if (text === origin || audience === serviceDid)
      throw error(
        'InvalidRequest',
        `target: ${text} (${audience}) is this server; name the PDS that the account moves to`,
      )
    return { target: text, audience }
  }

  #askedFor(names: readonly string[]): Scope[] {
    const unknown = names.find((name) => !isScope(name))
    if (unknown !== undefined)
      throw invalidScope(`there is no scope "${unknown.slice(0, 100)}"; the scopes are ${SCOPES.join(', ')}`)
    const scopes = [...new Set(names.filter(isScope))]
    if (scopes.length === 0) throw invalidScope(`a token needs a scope, of ${SCOPES.join(', ')}`)
    return scopes
  }

  /** What the rotation needs, where the token is to have it signed. Nobody is asked otherwise. */
  async #rotation(asked: Scope[] | undefined): Promise<{ scope: Scope[]; plc?: PlcClaim }> {
    const { did } = this.#deps
    const scope = asked ?? [...DEFAULT_SCOPES]
    if (!scope.includes('plc:sign')) return { scope }
    const without = () => {
      const rest = scope.filter((name) => name !== 'plc:sign')
      return { scope: rest }
    }
    if (!did.startsWith('did:plc:')) {
      if (!asked) return without()
      throw invalidScope(`plc:sign is for did:plc: to move ${did}, change its did.json`)
    }
    const observation = await this.#lookUp()
    // After the rotation a token still reads what the target is missing, but nothing more is signed.
    if (!this.#deps.watch.isHere(observation)) {
      if (!asked) return without()
      throw invalidScope(
        `plc:sign: the DID names ${observation.pds ?? 'no PDS'} and not this server, which signs nothing more; mint without plc:sign`,
      )
    }
    return { scope, plc: this.#claim(observation) }
  }

  #claim({ head }: Observation): PlcClaim {
    const { did, rotationKey } = this.#deps
    if (!head?.data) throw invalidScope(`plc:sign: ${did} has been tombstoned`)
    if (!head.data.rotationKeys.includes(rotationKey))
      throw invalidScope(
        `plc:sign: this server's rotation key ${rotationKey} is not among those of the DID (${head.data.rotationKeys.join(', ')}); mint without plc:sign (\`--scope\`) and have the operation signed by the holder of one of those`,
      )
    return { prev: head.cid, ...head.data }
  }

  async #lookUp(): Promise<Observation> {
    try {
      return await this.#deps.watch.observe()
    } catch (cause) {
      if (!(cause instanceof DirectoryError)) throw cause
      if (cause.code === 'NotFound' || cause.code === 'Gone') throw invalidScope(`plc:sign: ${cause.message}`)
      throw new XrpcError(
        'DirectoryUnavailable',
        `${cause.message}. Try again, or mint without plc:sign. ${docsLink('directory-unavailable')}`,
      )
    }
  }
}
