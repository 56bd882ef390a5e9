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
