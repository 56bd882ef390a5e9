import type { Keypair } from '@atproto/crypto'
import { decode, encode } from '@atproto/lex-cbor'
import { isCid } from '@atproto/lex-data'
import { isValidTid } from '@atproto/syntax'
import { KeyError } from '../crypto/errors.ts'
import type { SignBytes } from '../crypto/privateKey.ts'
import { isObject } from '../isObject.ts'

/** An unsigned commit has about 200 bytes. The limit also keeps hostile nesting away from the decoder. */
const MAX_COMMIT_BYTES = 1024
const COMMIT_FIELDS = ['data', 'did', 'prev', 'rev', 'version']

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])

const isCommitOf = (bytes: Uint8Array, did: string): boolean => {
  if (bytes.byteLength > MAX_COMMIT_BYTES) return false
  try {
    const commit: unknown = decode(bytes)
    return (
      isObject(commit) &&
      Object.keys(commit).toSorted().join() === COMMIT_FIELDS.join() &&
      commit.version === 3 &&
      commit.did === did &&
      isValidTid(commit.rev) &&
      isCid(commit.data, { flavor: 'cbor' }) &&
      (commit.prev === null || isCid(commit.prev, { flavor: 'cbor' })) &&
      sameBytes(encode(decode(bytes)), bytes)
    )
  } catch {
    return false
  }
}

/**
 * The signer that @atproto/repo asks for. It signs the unsigned v3 commits of one account and nothing else: its
 * `sign` takes bytes, so it inspects them, and cannot be used to get around the typed signers.
 */
export const commitKeypair = (accountDid: string, keyDid: string, sign: SignBytes): Keypair => ({
  jwtAlg: 'ES256K',
  did: () => keyDid,
  sign: async (bytes) => {
    if (!isCommitOf(bytes, accountDid))
      throw new KeyError('NotACommit', `refused to sign: not an unsigned commit of ${accountDid}`)
    return await sign(bytes)
  },
})
