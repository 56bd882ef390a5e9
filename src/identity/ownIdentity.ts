/** What can change of the account while its server runs: only its object knows it. */
export interface OwnIdentity {
  handle: string
  /** did:key of the signing key that is in use. */
  signingKey: string
  /** What the did.json of this host names in place of this server. */
  elsewhere?: { pds: string; handle: string; signingKey: string } | undefined
}

/** Gives the account's identity as it was at most `maxAgeMs` ago. */
export type ReadOwnIdentity = (maxAgeMs: number) => OwnIdentity | Promise<OwnIdentity>

/**
 * The account's identity as the Worker knows it, in the memory of this isolate: its object is asked again only when the
 * answer is older than the caller takes, however many ask. While the object does not answer, the last answer stands.
 */
export const createOwnIdentity = (deps: {
  platform: { now(): number }
  ask(): Promise<OwnIdentity>
}): ReadOwnIdentity => {
  const { platform, ask } = deps
  let last: { at: number; identity: OwnIdentity } | undefined
  return async (maxAgeMs) => {
    const age = last === undefined ? Infinity : platform.now() - last.at
    // If the clock has gone back, nothing is recent.
    if (last && age >= 0 && age < maxAgeMs) return last.identity
    const at = platform.now()
    try {
      const identity = await ask()
      last = { at, identity }
      return identity
    } catch (cause) {
      if (last) return last.identity
      throw cause
    }
  }
}
