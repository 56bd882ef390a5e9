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
