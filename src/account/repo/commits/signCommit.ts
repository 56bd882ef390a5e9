import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import type { Block } from '../../../repo/block.ts'
import { cborCid } from '../../../repo/cid.ts'

/** Signs the bytes of unsigned commits (version 3): the account's `SigningKey.commitKeypair(did)`. */
export interface CommitSigner {
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** Makes the signed commit (version 3) of a tree; returns its block. */
export const signCommit = async (
  signer: CommitSigner,
  fields: { did: string; rev: string; data: Cid },
): Promise<Block> => {
  const unsigned = { did: fields.did, version: 3, data: fields.data, rev: fields.rev, prev: null }
  const bytes = encode({ ...unsigned, sig: await signer.sign(encode(unsigned)) })
  return { cid: cborCid(bytes), bytes }
}
