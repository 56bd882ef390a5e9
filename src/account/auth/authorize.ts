import { isScope } from '../../signing/migrationToken.ts'
import type { MethodId } from '../../generated/methods.ts'
import { type CredentialKind, policy, type Rule, type State } from '../../policy.ts'
import type { Granted } from '../../xrpc/types.ts'
import type { Sql } from '../db/sql.ts'
import type { Needs } from '../oauth/scopes/needs.ts'
import { type Credential, kindsOf, type VerifiedCredential, withGrant } from './credential.ts'
import { refusal } from './refusal.ts'
import { requireFixedScope, requireScopes } from './requireScopes.ts'
import type { VerifyCredential } from './verifyCredential.ts'

export interface AuthorizeDeps {
  did: string
  sql: Pick<Sql, 'guarded'>
  verifyCredential: VerifyCredential
  /** Throws if a credential that was verified before has expired or was revoked since. */
  assertStillValid(credential: VerifiedCredential): void
  state(): State
  /** Throws while writes are fenced off. */
  assertNotFenced(): void
}

/** The name of a method, and who may call it. */
export interface Ruled {
  id: string
  rule: Omit<Rule, 'runs'>
}

/**
 * Verifies the one credential of a request, and lets the request through only if the rule does. Both are asked again
 * after the body was read, and at the beginning of each transaction of the request: minutes may pass in between.
 */
export type AuthorizeBy = (ruled: Ruled, request: Request) => Promise<Omit<Granted<Credential>, 'permit'>>

/** The same for a method that is served here, by its row of the policy. */
export type Authorize = (id: MethodId, request: Request) => Promise<Granted<Credential>>

const granted = (credential: VerifiedCredential, kind: CredentialKind): Credential => {
  if (credential.kind !== 'token') return credential
  if (!isScope(kind)) throw new Error('a migration token grants scopes only')
  return withGrant(credential, kind)
}

const ANYONE = { kind: 'anyone', grants: 'anyone' } as const

export const createAuthorizeBy =
  ({ did, sql, verifyCredential, assertStillValid, ...deps }: AuthorizeDeps): AuthorizeBy =>
  async ({ id, rule }, request) => {
    const currentState = () => deps.state()
    const presented = await verifyCredential(request, rule).catch((cause: unknown) => {
      if (rule.lenient && rule.who.anyone?.includes(currentState())) return ANYONE
      throw cause
    })
    const opening = kindsOf(presented).filter((kind) => rule.who[kind])
    const kinds: CredentialKind[] = rule.lenient && opening.length === 0 ? ['anyone'] : kindsOf(presented)
    /** The kind that opens the method now: the account may have changed while something was awaited. */
    const grantedKind = (among: readonly CredentialKind[]): CredentialKind => {
      const state = currentState()
      const kind = among.find((kind) => rule.who[kind]?.includes(state))
      if (kind === undefined) throw refusal({ id, rule, state, kinds, request, did })
      if (rule.fenced) deps.assertNotFenced()
      return kind
    }
    const kind = grantedKind(kinds)
    const credential = kind === 'anyone' ? ANYONE : presented
    requireFixedScope(credential, rule.grant)
    const assertMayAct = (): void => {
      assertStillValid(credential)
      grantedKind([kind])
    }
    return {
      auth: granted(credential, kind),
      anonymous: credential.kind === 'anyone',
      act: (work) => {
        assertMayAct()
        return sql.guarded(assertMayAct, work)
      },
    }
  }

export const createAuthorize =
  (authorizeBy: AuthorizeBy, needs: Needs): Authorize =>
  async (id, request) => {
    const granted = await authorizeBy({ id, rule: policy[id] }, request)
    const { auth } = granted
    if (auth.kind === 'grant') requireScopes(auth, needs.ofMethod(id))
    return {
      ...granted,
      permit: (call) => {
        if (auth.kind === 'grant') requireScopes(auth, needs.ofCall(id, call))
      },
    }
  }
