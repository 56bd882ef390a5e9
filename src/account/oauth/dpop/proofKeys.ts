import { importPublicJwk, type JwkAlg, type JwkVerifier, type PublicJwk } from '../../../crypto/publicJwk.ts'

/** The keys of clients, imported once: a client signs each of its requests with the same one. */
export interface ProofKeys {
  /** Verifies a proof, and returns the thumbprint of its key. Throws KeyError or TokenError. */
  verify(proof: string, jwk: PublicJwk, alg: JwkAlg): Promise<string>
}

const MAX_KEYS = 100

/** Keeps the keys that were used last, and only such as have signed something. */
export const createProofKeys = (): ProofKeys => {
  const known = new Map<string, JwkVerifier>()
  return {
    verify: async (proof, jwk, alg) => {
      const id = JSON.stringify([alg, jwk])
      const key = known.get(id) ?? (await importPublicJwk(jwk, alg))
      await key.verify(proof)
      known.delete(id)
      known.set(id, key)
      for (const oldest of known.keys()) {
        if (known.size <= MAX_KEYS) break
        known.delete(oldest)
      }
      return key.jkt
    },
  }
}
