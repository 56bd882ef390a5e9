/** A call of PAR, token or revoke: its parameters, and what is known of who sent it. */
export interface Call {
  params: ReadonlyMap<string, string>
  /** The header `DPoP`. */
  proof: string | null
  url: string
  network: string | undefined
}
