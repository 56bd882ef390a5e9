import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'

/** The least bytes that a number takes, seven bits in each. */
export const varint = (value: number): number[] => {
  const bytes = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
  return [...bytes, rest]
}

/** The header of a CAR with this root, or with none (`getBlocks`). */
export const carHeader = (root: Cid | null): Uint8Array => {
  const header = encode({ roots: root ? [root] : [], version: 1 })
  return new Uint8Array([...varint(header.length), ...header])
}

/** One section of a CAR: the length, the CID, the block. */
export const carSection = (cid: Cid, bytes: Uint8Array): Uint8Array => {
  const head = varint(cid.bytes.length + bytes.length)
  const section = new Uint8Array(head.length + cid.bytes.length + bytes.length)
  section.set(head)
  section.set(cid.bytes, head.length)
  section.set(bytes, head.length + cid.bytes.length)
  return section
}
