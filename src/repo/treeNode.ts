import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { CodedError } from '../codedError.ts'
import { Link } from './cid.ts'
import { ARRAY, BYTES, CborError, CborReader, MAP, NULL, SIMPLE, TAG, TEXT, UINT } from './cborReader.ts'
import { sha256 as nodeSha256 } from './sha256.ts'
import type { Sha256 } from './sha256.ts'

/** Why bytes are no node of a repository's tree. */
export type NodeErrorCode = 'BadEncoding' | 'BadPrefix' | 'BadKey' | 'BadOrder' | 'BadLayer'

/** A tree node that no correct implementation writes. */
export class NodeError extends CodedError<NodeErrorCode> {
  override readonly name = 'NodeError'
}

export interface NodeEntry {
  /** `collection/rkey`. */
  readonly key: string
  /** The record. */
  readonly value: Link
  /** The subtree of the keys between this one and the next. */
  readonly right: Link | null
}

/** A node of the Merkle search tree, keys uncompressed. */
export interface TreeNode {
  /** The subtree of the keys before the first. */
  readonly left: Link | null
  readonly entries: readonly NodeEntry[]
  /** The layer that all its keys are on; null when it holds none. */
  readonly layer: number | null
}

const MAX_KEY = 1024

/** Whether this is a record's path: an NSID, a slash, a record key. */
export const isRecordPath = (path: string): boolean => {
  const slash = path.indexOf('/')
  if (slash < 0 || path.length > MAX_KEY) return false
  return isValidNsid(path.slice(0, slash)) && isValidRecordKey(path.slice(slash + 1))
}

const ascii = new TextEncoder()

/** The layer of a key: how many pairs of zero bits its sha-256 begins with. */
export const keyLayer = (key: string, sha256: Sha256 = nodeSha256): number => {
  let zeros = 0
  for (const byte of sha256(ascii.encode(key))) {
    if (byte !== 0) return (zeros + Math.clz32(byte) - 24) >> 1
    zeros += 8
  }
  return zeros >> 1
}

const field = (cursor: CborReader, name: string): void => {
  const at = cursor.at
  const length = cursor.expect(TEXT, `the field ${name}`)
  const start = cursor.skip(length)
  if (length !== 1 || cursor.bytes[start] !== name.charCodeAt(0)) {
    cursor.fail('BadShape', `expected the field ${name}`, at)
  }
}

const link = (cursor: CborReader, what: string): Link => {
  const tag = cursor.expect(TAG, what)
  if (tag !== 42) cursor.fail('BadTag', `tag ${tag}`)
  const at = cursor.cid()
  if (cursor.bytes[at + 1] !== 0x71) cursor.fail('BadCid', `${what} must be dag-cbor`, at)
  return new Link(cursor.bytes, at)
}

const subtree = (cursor: CborReader): Link | null => {
  if (cursor.bytes[cursor.at] === ((SIMPLE << 5) | NULL)) {
    cursor.skip(1)
    return null
  }
  return link(cursor, 'a subtree')
}

const text = (bytes: Uint8Array, from: number, to: number): string => {
  let string = ''
  for (let i = from; i < to; i++) string += String.fromCharCode(bytes[i] ?? 0)
  return string
}

const entry = (cursor: CborReader, previous: string, trusted: boolean): NodeEntry => {
  const at = cursor.at
  if (cursor.expect(MAP, 'an entry') !== 4) cursor.fail('BadShape', 'an entry has four fields', at)
  field(cursor, 'k')
  const length = cursor.expect(BYTES, 'the rest of a key')
  if (length > MAX_KEY) throw new NodeError('BadKey', `a key of more than ${MAX_KEY} bytes`)
  const start = cursor.skip(length)
  const rest = text(cursor.bytes, start, cursor.at)
  field(cursor, 'p')
  const prefix = cursor.expect(UINT, 'the length of a prefix')
  field(cursor, 't')
  const right = subtree(cursor)
  field(cursor, 'v')
  const value = link(cursor, 'a record')

  if (prefix > previous.length) throw new NodeError('BadPrefix', 'a prefix longer than the key before')
  // Were it not the longest common one, the same tree could be written in two ways.
  if (rest.length > 0 && prefix < previous.length && rest[0] === previous[prefix]) {
    throw new NodeError('BadPrefix', 'a prefix that is not the longest')
  }
  const key = previous.slice(0, prefix) + rest
  if (!trusted && !isRecordPath(key))
    throw new NodeError('BadKey', `not a record's path: ${JSON.stringify(key.slice(0, 100))}`)
  if (key <= previous) throw new NodeError('BadOrder', `${key} must not come after ${previous}`)
  return { key, value, right }
}

/** Without `sha256` the node is trusted: what its keys are and which layer they are on is not looked at. */
const parse = (cursor: CborReader, sha256: Sha256 | undefined): TreeNode => {
  if (cursor.expect(MAP, 'a node') !== 2) cursor.fail('BadShape', 'a node has two fields', 0)
  field(cursor, 'e')
  const count = cursor.expect(ARRAY, 'entries')
  // The loop ends with the input at the latest: an entry that is not there is an error.
  const entries: NodeEntry[] = []
  let layer: number | null = null
  let previous = ''
  for (let i = 0; i < count; i++) {
    const next = entry(cursor, previous, sha256 === undefined)
    if (sha256) {
      const own: number = keyLayer(next.key, sha256)
      layer ??= own
      if (own !== layer)
        throw new NodeError('BadLayer', `${next.key} is on layer ${own}, its node on ${layer}`)
    }
    entries.push(next)
    previous = next.key
  }
  field(cursor, 'l')
  const left = subtree(cursor)
  if (cursor.left > 0) cursor.fail('TrailingBytes', `${cursor.left} bytes after the node`)
  return { left, entries, layer }
}

const typed = <T>(read: () => T): T => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof CborError) throw new NodeError('BadEncoding', `not a tree node: ${cause.message}`)
    throw cause
  }
}

/**
 * Parses a tree node out of its one possible encoding: read field by field, so that nothing which is
 * not exactly a node gets as far as an object. Keys must be paths, ascending, compressed as far as
 * they can be, and all on one layer. The links stand in a copy of the bytes.
 */
export const parseNode = (bytes: Uint8Array, sha256: Sha256 = nodeSha256): TreeNode =>
  typed(() => parse(new CborReader(new Uint8Array(bytes)), sha256))

/** A node of our own tree, verified before it was stored: `layer` is null, what keys must be is not checked again. */
export const readNode = (bytes: Uint8Array): TreeNode =>
  typed(() => parse(new CborReader(new Uint8Array(bytes)), undefined))

/**
 * Where the links of a stored node stand, in the order of an export: the CIDs' places in `bytes`, those
 * of records as `~place`. Nothing else is read: an export's own cost is mostly this.
 */
export const nodeLinks = (bytes: Uint8Array, from: number): number[] => {
  const cursor = new CborReader(bytes)
  cursor.at = from
  const places: number[] = []
  const subtreeAt = (): number => {
    if (bytes[cursor.at] === ((SIMPLE << 5) | NULL)) {
      cursor.skip(1)
      return -1
    }
    cursor.head()
    return cursor.cid()
  }
  cursor.skip(3)
  const count = cursor.expect(ARRAY, 'entries')
  for (let i = 0; i < count; i++) {
    cursor.skip(3)
    cursor.skip(cursor.expect(BYTES, 'the rest of a key'))
    cursor.skip(2)
    cursor.head()
    cursor.skip(2)
    const right = subtreeAt()
    cursor.skip(2)
    cursor.head()
    places.push(~cursor.cid())
    if (right >= 0) places.push(right)
  }
  cursor.skip(2)
  const left = subtreeAt()
  if (left >= 0) places.unshift(left)
  return places
}
