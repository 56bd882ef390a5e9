import type { Client, ResponseMode } from '../clients/types.ts'
import type { AuthorizationRequest } from '../requests/types.ts'

/** A request that waits for the owner, and what they are to be shown. */
export interface PendingRequest {
  request: AuthorizationRequest
  client: Client
  /** The scope with its permission sets resolved: what the owner consents to. */
  expanded: string
  /** The owner has consented to as much before, and need not be asked again. Never for public clients. */
  isConsented: boolean
  /** When the client asked, in milliseconds since the epoch. */
  requestedAt: number
}

/** What an app is told by redirect that gets no code. */
export type Refusal = 'access_denied' | 'login_required' | 'consent_required'

/** Where the browser is sent with the answer: `params` has `iss`, `state`, and `code`, or `error` and `error_description`. */
export interface Redirection {
  uri: string
  mode: ResponseMode
  params: Readonly<Record<string, string>>
}

/** The owner's part of the flow. */
export interface Authorizations {
  /**
   * Throws `OAuthError` `invalid_request` for one that is unknown, used, expired, or of another client. `isOwner`: a browser
   * asks in which the owner is signed in, and from then on no stranger pushes the request out.
   */
  find(requestUri: string, clientId: string, isOwner?: boolean): Promise<PendingRequest>
  /** Makes a grant, whose code the client has five minutes to exchange. The request can be answered once. */
  approve(requestUri: string, clientId: string): Promise<Redirection>
  /** Ends the request with an error, and a sentence about it for the app to show. */
  refuse(requestUri: string, clientId: string, error: Refusal): Promise<Redirection>
}
