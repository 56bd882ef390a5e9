/** A handler's type, out of its lexicon and its row in the policy. */
import type { Credential } from '../account/auth/credential.ts'
import type { Account } from '../account/account.ts'
import type { Config } from '../config.ts'
import type { Identity } from '../identity/identity.ts'
import type { MethodId } from '../generated/methods.ts'
import type { Policy, Tier } from '../policy.ts'
import type { Handle } from '../xrpc/types.ts'

/** What there is in each place. */
export interface TierContexts {
  worker: { config: Config; identity: Identity }
  account: { account: Account }
}

type Kinds<Id extends MethodId> = keyof Policy[Id]['who']

/** The credentials that the policy lets through to this handler. */
export type AuthOf<Id extends MethodId> = Extract<Credential, { grants: Kinds<Id> }>

type ContextOf<Id extends MethodId> = TierContexts[Policy[Id]['runs']] & { auth: AuthOf<Id> }

/** A method's handler: decoded params and input in, output out, errors thrown with `error(…)`. */
export type Handler<Id extends MethodId> = Handle<Id, ContextOf<Id>>

type RunsAt<P extends Tier> = { [Id in MethodId]: Policy[Id]['runs'] extends P ? Id : never }[MethodId]

/** Exactly the handlers of one place: a missing, misspelt, mistyped or misplaced one does not compile. */
export type Handlers<P extends Tier> = { [Id in RunsAt<P>]: Handler<Id> } & {
  [Id in Exclude<MethodId, RunsAt<P>>]?: undefined
}
