/** The contract between the parts of the authorization server: each interface is built by one folder beside this file. */

import type { Backup } from '../../webauthn/backupOf.ts'

// --- clients ---------------------------------------------------------------------------------------------------------

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** What is used of a client's metadata document, checked by every rule of the atproto OAuth profile. */
export interface ClientMetadata {
  /** The scopes that the client may ask for, separated by spaces. */
  scope: string
  redirectUris: readonly string[]
  applicationType: 'web' | 'native'
  authMethod: 'none' | 'private_key_jwt'
  /** The alg that a `private_key_jwt` client declares. */
  authAlg: string | undefined
  /** The client's keys: one of the two for `private_key_jwt`. */
  jwks: { keys: readonly JsonWebKey[] } | undefined
  jwksUri: string | undefined
  /** What the client claims of itself: text to show beside its id, never instead of it. */
  name: string | undefined
  uri: string | undefined
}

/** A client, as its id names it. */
export interface Client {
  id: string
  /** loopback: a program in development on the owner's machine; its consent is never remembered. */
  kind: 'discoverable' | 'loopback'
  metadata: ClientMetadata
}

/** How a client proved that it is itself. What is named here stays the same for the life of a grant. */
export type ClientAuth =
  | { method: 'none' }
  | { method: 'private_key_jwt'; alg: string; kid: string; jkt: string }

/** The members of a request to PAR, token or revoke that name and prove the client. */
export interface ClientCredentials {
  clientId: string
  assertionType: string | undefined
  assertion: string | undefined
  /** The key of the request's DPoP proof, if it has one: an assertion must not be signed with the same key. */
  dpopJkt: string | undefined
  /** The caller's, for the limits. */
  network?: string | undefined
}

/** Clients and their documents, fetched, checked and cached. */
export interface Clients {
  /** Throws `OAuthError` `invalid_client_metadata`, also for an id that is not one; `temporarily_unavailable` in a flood. */
  find(clientId: string): Promise<Client>
  /**
   * Verifies what a client sends to prove itself: nothing for a public client, an assertion for a confidential one. Throws
   * `OAuthError` `invalid_client`. With `bound`, it must be the same key as before, and one that the client still names:
   * else `invalid_grant`, upon which the grant ends. What fails for another reason ends nothing.
   */
  authenticate(
    credentials: ClientCredentials,
    bound?: ClientAuth,
  ): Promise<{ client: Client; auth: ClientAuth }>
}

// --- DPoP ------------------------------------------------------------------------------------------------------------

/** What a proof is checked against. `url` is the address that was called; its query and host are not looked at. */
export interface DpopRequest {
  /** The header `DPoP`. */
  proof: string | null
  method: string
  url: string
  /** The access token that the request carries: the proof must name its hash. */
  accessToken?: string
}

export interface DpopProof {
  /** The thumbprint of the key that signed (RFC 7638), base64url. */
  jkt: string
}

/** Proofs of possession (RFC 9449): bound to a method, an address and a nonce of ours, each taken once. */
export interface Dpop {
  /** The nonce for the client's next request, for the header `DPoP-Nonce` of each answer. */
  nonce(): string
  /** Throws `OAuthError`: `use_dpop_nonce` or `invalid_dpop_proof`. */
  verify(request: DpopRequest): Promise<DpopProof>
}

// --- scopes ----------------------------------------------------------------------------------------------------------

export type RepoAction = 'create' | 'update' | 'delete'

/** One thing that a request needs of the scopes of its grant. */
export type ScopeNeed =
  | { resource: 'repo'; collection: string; action: RepoAction }
  | { resource: 'rpc'; lxm: string; aud: string }
  | { resource: 'blob'; mime: string }
  | { resource: 'account'; attr: 'email' | 'repo' | 'status'; action: 'read' | 'manage' }
  | { resource: 'identity'; attr: 'handle' | '*' }

/** What a scope allows. */
export interface Permissions {
  allows(need: ScopeNeed): boolean
}

/** Scopes as strings, separated by spaces. */
export interface Scopes {
  /**
   * What a client is asked to be granted: unknown scopes are left out. Throws `OAuthError` `invalid_scope` without
   * `atproto`, with `openid`, or with one that the client does not declare.
   */
  requested(scope: string, client: Client): string
  /**
   * The same with each `include:` replaced by the permissions of its set, fetched with proof and cached. A set that cannot
   * be had is `OAuthError` `invalid_scope` where it never was known (`temporarily_unavailable` in a flood); else the one that
   * was known stays. `network` is the caller's, for the limits.
   */
  expand(scope: string, network?: string): Promise<string>
}

// --- requests and grants ---------------------------------------------------------------------------------------------

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

/** What an app was granted. Times are in milliseconds since the epoch. */
export interface Grant {
  /** Not a secret. */
  id: string
  clientId: string
  /** The name that the client claimed when it was granted. */
  clientName: string | undefined
  scope: string
  /** The scope with its permission sets resolved, as of the latest refresh. */
  expanded: string
  /** The thumbprint of the key that its tokens are bound to. */
  jkt: string
  createdAt: number
  /** When it was last refreshed: a row for each request would cost too much. */
  lastUsedAt: number
  expiresAt: number
}

/** The grants that have not ended. */
export interface Grants {
  find(id: string): Grant | undefined
  /** The one that was used last first. */
  list(): Grant[]
  /** Ends a grant for the owner, and journals it. False if there is none with this id. */
  end(id: string): boolean
  /** Ends every grant, and journals it if there were any; returns how many. */
  endAll(reason: string): number
}

/** The claims of an access token. Times are in seconds. */
export interface GrantClaims {
  did: string
  aud: string
  clientId: string
  grant: string
  jkt: string
  iat: number
  exp: number
}

/** Access tokens of grants. */
export interface GrantTokens {
  /** Verifies a token's signature, type and lifetime; whether its grant has ended is for the caller. Throws TokenError. */
  verify(token: string): Promise<GrantClaims>
}

// --- the owner in a browser ------------------------------------------------------------------------------------------

/** A browser in which the owner signed in. Times are in milliseconds since the epoch. */
export interface BrowserSignIn {
  /** Not a secret. */
  id: string
  via: 'password' | 'passkey'
  /** The User-Agent, made safe to show. */
  client: string | undefined
  /** It lasts for seven days; others for 15 minutes after their last use. */
  isRemembered: boolean
  createdAt: number
  expiresAt: number
}

/** How a browser signs in. */
export interface BrowserSigningIn {
  via: BrowserSignIn['via']
  remember: boolean
  client: string | undefined
  /** The secret that the browser has so far: its sign-in ends, and pages that were opened with it go on working. */
  replaces?: string | undefined
}

/** The browsers in which the owner is signed in. Of their secrets only hashes are kept. */
export interface BrowserSignIns {
  /** Opens one, journals it, and returns the secret for the cookie. */
  open(signIn: BrowserSigningIn): string
  /** The sign-in with this secret, which counts as used. */
  find(secret: string): BrowserSignIn | undefined
  /** The newest first. */
  list(): BrowserSignIn[]
  /** Ends one, and journals it. False if there is none with this id. */
  end(id: string): boolean
  /** Ends all but `except` (an id), or those that were opened so, and journals it if there were any; returns how many. */
  endAll(except?: string, via?: BrowserSignIn['via']): number
}

// --- passkeys --------------------------------------------------------------------------------------------------------

export interface Passkey {
  /** The credential's id, base64url. */
  id: string
  name: string
  /** Whether it is on one device or synced to others; undefined until one that is from before this was kept signs in. */
  backup: Backup | undefined
  createdAt: number
  lastUsedAt: number | undefined
}

/** Who changes something: the owner on a page, or the admin credential. */
export type PasskeyActor = 'owner' | 'admin'

/**
 * The owner's passkeys. Options and answers are the JSON forms of WebAuthn level 3. What is refused is a `PasskeyError`, or
 * a `WebauthnError` where the authenticator's answer is wrong.
 */
export interface Passkeys {
  /** The newest first. */
  list(): Passkey[]
  /** False if there is none with this id. */
  rename(id: string, name: string): boolean
  /**
   * Ends every browser's sign-in by a passkey but `exceptBrowser` (an id): it may have been by this one. False if there is
   * none with this id. The last one takes the password's switch with it: it is on again.
   */
  remove(id: string, by: PasskeyActor, exceptBrowser?: string): boolean
  /** A link that registers one passkey, within 10 minutes. */
  createLink(): { url: string; expiresAt: number }
  /** Ends the links that were not used, within the transaction that ends what is signed in. */
  endLinks(): void
  /** The options for `navigator.credentials.create`. `link` is what the link has as its fragment. */
  registrationOptions(link: string): object
  register(link: string, name: string, answer: unknown): Promise<Passkey>
  /**
   * The options for `navigator.credentials.get`: they name no passkey, and leave no trace. Undefined where no passkey can
   * sign in: there is none, or this server has only an address.
   */
  signInOptions(): object | undefined
  /** The passkey that signed in. An answer is taken once. */
  signIn(answer: unknown): Promise<Passkey>
  /** Whether the account password opens pages and sessions. createAccount asks for it in any case. */
  isPasswordEnabled(): boolean
  setPasswordEnabled(enabled: boolean, by: PasskeyActor): void
}
