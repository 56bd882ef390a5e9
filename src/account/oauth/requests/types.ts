import type { ClientAuth, ResponseMode } from '../clients/types.ts'

export type Prompt = 'none' | 'login' | 'consent' | 'select_account'

/** What a client asked for by a pushed authorization request, checked. */
export interface AuthorizationRequest {
  clientId: string
  auth: ClientAuth
  redirectUri: string
  responseMode: ResponseMode
  state: string | undefined
  /** As `Scopes.requested` gives it. */
  scope: string
  codeChallenge: string
  /** The handle or DID that the client expects to sign in, in lower case. */
  loginHint: string | undefined
  prompt: Prompt | undefined
  uiLocales: readonly string[]
  /** The key that the code is bound to, where the client named it beforehand. */
  dpopJkt: string | undefined
}
