import type { Credential } from '../account/auth/credential.ts'
import type { Account } from '../account/account.ts'
import type { Config } from '../config.ts'
import type { Identity } from '../identity/identity.ts'
import type { MethodId } from '../generated/methods.ts'
import type { Policy, Tier } from '../policy.ts'
import type { Handle } from '../xrpc/types.ts'

/** What handlers are passed in each tier. */
export interface TierContexts {
  worker: { config: Config; identity: Identity }
  account: { account: Account }
}

type KindsOf<Id extends MethodId> = keyof Policy[Id]['who']

/** The credentials that the policy lets through to this handler. */
export type AuthOf<Id extends MethodId> = Extract<Credential, { grants: KindsOf<Id> }>

type ContextOf<Id extends MethodId> = TierContexts[Policy[Id]['runs']] & { auth: AuthOf<Id> }

/**
 * A method's handler: it takes decoded params and input, returns the output, and throws errors made with `error(…)`.
 * Its type comes from the method's lexicon and its row in the policy.
 */
export type Handler<Id extends MethodId> = Handle<Id, ContextOf<Id>>

type RunsIn<T extends Tier> = { [Id in MethodId]: Policy[Id]['runs'] extends T ? Id : never }[MethodId]

/** Exactly the handlers of one tier: a missing, misspelt, mistyped or misplaced one does not compile. */
export type Handlers<T extends Tier> = { [Id in RunsIn<T>]: Handler<Id> } & {
  [Id in Exclude<MethodId, RunsIn<T>>]?: undefined
}
