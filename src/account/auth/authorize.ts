import { isScope } from '../../signing/migrationToken.ts'
import type { MethodId } from '../../generated/methods.ts'
import { policy, type Rule, type State } from '../../policy.ts'
import { type Credential, kindsOf, withGrant } from './credential.ts'
import { refusal } from './refusal.ts'
import type { VerifyCredential } from './verifyCredential.ts'

export interface AuthorizeDeps {
  did: string
  verifyCredential: VerifyCredential
  state(): State
}

/** Verifies the one credential of a request, and lets the request through only if the policy does. */
export type Authorize = (id: MethodId, request: Request) => Promise<Credential>

export const createAuthorize =
  ({ did, verifyCredential, state: currentState }: AuthorizeDeps): Authorize =>
  async (id, request) => {
    const rule: Rule = policy[id]
    const credential = await verifyCredential(request, rule)
    const kinds = kindsOf(credential)
    // Read only now: the account may have changed while the credential was verified.
    const state = currentState()
    const granted = kinds.find((kind) => rule.who[kind]?.includes(state))
    if (granted === undefined) throw refusal({ id, rule, state, kinds, request, did })
    if (credential.kind !== 'token') return credential
    if (!isScope(granted)) throw new Error('a migration token grants scopes only')
    return withGrant(credential, granted)
  }
