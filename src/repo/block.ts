import type { Cid } from '@atproto/lex-data'

/** A block and the CID of its bytes. */
export interface Block {
  readonly cid: Cid
  readonly bytes: Uint8Array
}
