import { isValidNsid, isValidRecordKey } from '@atproto/syntax'
import { CodedError } from '../../codedError.ts'
import { Link } from '../cid.ts'
import { ARRAY, BYTES, CborError, CborReader, MAP, NULL, SIMPLE, TAG, TEXT, UINT } from '../cborReader.ts'
import { sha256 as nodeSha256 } from '../sha256.ts'
import type { Sha256 } from '../sha256.ts'

/** Why bytes are not a node of a repository's tree. */
export type NodeErrorCode = 'BadEncoding' | 'BadPrefix' | 'BadKey' | 'BadOrder' | 'BadLayer'

/** Bytes that no correct implementation writes as a tree node. */
export class NodeError extends CodedError<NodeErrorCode> {
  override readonly name = 'NodeError'
}

/** A record of a node, and the subtree after it. */
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
  /** The layer that all its keys are on; null when it has no key, or was read by `parseNodeUnchecked`. */
  readonly layer: number | null
}

/** Characters of a key, which are bytes: keys are ASCII. */
const MAX_KEY_LENGTH = 1024

/** Whether this is a record's path: an NSID, a slash, a record key, 1,024 characters at most. */
export const isRecordPath = (path: string): boolean => {
  const slash = path.indexOf('/')
  if (slash < 0 || path.length > MAX_KEY_LENGTH) return false
  return isValidNsid(path.slice(0, slash)) && isValidRecordKey(path.slice(slash + 1))
}

const ascii = new TextEncoder()

/** The layer of a key: the number of pairs of zero bits that its sha-256 begins with. */
export const keyLayer = (key: string, sha256: Sha256 = nodeSha256): number => {
  let zeros = 0
  for (const byte of sha256(ascii.encode(key))) {
    if (byte !== 0) return (zeros + Math.clz32(byte) - 24) >> 1
    zeros += 8
  }
  return zeros >> 1
}

/** Reads the key of a map's entry, which must be this one. */
const field = (reader: CborReader, name: string): void => {
  const headAt = reader.offset
  const length = reader.expect(TEXT, `the field ${name}`)
  const start = reader.skip(length)
  if (length !== 1 || reader.bytes[start] !== name.charCodeAt(0)) {
    reader.fail('BadShape', `expected the field ${name}`, headAt)
  }
}

const link = (reader: CborReader, what: string): Link => {
  const tag = reader.expect(TAG, what)
  if (tag !== 42) reader.fail('BadTag', `tag ${tag}`)
  const cidAt = reader.cid()
  if (reader.bytes[cidAt + 1] !== 0x71) reader.fail('BadCid', `${what} must be dag-cbor`, cidAt)
  return new Link(reader.bytes, cidAt)
}

const subtree = (reader: CborReader): Link | null => {
  if (reader.bytes[reader.offset] === ((SIMPLE << 5) | NULL)) {
    reader.skip(1)
    return null
  }
  return link(reader, 'a subtree')
}

const text = (bytes: Uint8Array, from: number, to: number): string => {
  let string = ''
  for (let i = from; i < to; i++) string += String.fromCharCode(bytes[i] ?? 0)
  return string
}

const readEntry = (reader: CborReader, previous: string, trusted: boolean): NodeEntry => {
  const headAt = reader.offset
  if (reader.expect(MAP, 'an entry') !== 4) reader.fail('BadShape', 'an entry has four fields', headAt)
  field(reader, 'k')
  const length = reader.expect(BYTES, 'the rest of a key')
  if (length > MAX_KEY_LENGTH) throw new NodeError('BadKey', `a key of more than ${MAX_KEY_LENGTH} bytes`)
  const start = reader.skip(length)
  const rest = text(reader.bytes, start, reader.offset)
  field(reader, 'p')
  const prefix = reader.expect(UINT, 'the length of a prefix')
  field(reader, 't')
  const right = subtree(reader)
  field(reader, 'v')
  const value = link(reader, 'a record')

  if (prefix > previous.length) throw new NodeError('BadPrefix', 'a prefix longer than the key before')
  // With a prefix that is not the longest common one, the same tree could be written in two ways.
  if (rest.length > 0 && prefix < previous.length && rest[0] === previous[prefix]) {
    throw new NodeError('BadPrefix', 'a prefix that is not the longest')
  }
  const key = previous.slice(0, prefix) + rest
  if (!trusted && !isRecordPath(key))
    throw new NodeError('BadKey', `not a record's path: ${JSON.stringify(key.slice(0, 100))}`)
  if (key <= previous) throw new NodeError('BadOrder', `${key} must not come after ${previous}`)
  return { key, value, right }
}

/** Without `sha256` the node is trusted: the form of its keys and their layers are not checked. */
const parse = (reader: CborReader, sha256: Sha256 | undefined): TreeNode => {
  if (reader.expect(MAP, 'a node') !== 2) reader.fail('BadShape', 'a node has two fields', 0)
  field(reader, 'e')
  const count = reader.expect(ARRAY, 'entries')
  // Whatever `count` says, the loop ends with the input at the latest: an entry that is not there is an error.
  const entries: NodeEntry[] = []
  let layer: number | null = null
  let previous = ''
  for (let i = 0; i < count; i++) {
    const next = readEntry(reader, previous, sha256 === undefined)
    if (sha256) {
      const own: number = keyLayer(next.key, sha256)
      layer ??= own
      if (own !== layer)
        throw new NodeError('BadLayer', `${next.key} is on layer ${own}, its node on ${layer}`)
    }
    entries.push(next)
    previous = next.key
  }
  field(reader, 'l')
  const left = subtree(reader)
  if (reader.left > 0) reader.fail('TrailingBytes', `${reader.left} bytes after the node`)
  return { left, entries, layer }
}

/** Makes a `CborError` of `read` a `NodeError`. */
const asNodeError = <T>(read: () => T): T => {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof CborError) throw new NodeError('BadEncoding', `not a tree node: ${cause.message}`)
    throw cause
  }
}

/**
 * Parses a tree node from its one possible encoding: it is read field by field, so that nothing becomes an object
 * that is not exactly a node. Keys must be paths, ascending, compressed as far as possible, and all on one layer.
 * The links point into a copy of the bytes.
 */
export const parseNode = (bytes: Uint8Array, sha256: Sha256 = nodeSha256): TreeNode =>
  asNodeError(() => parse(new CborReader(new Uint8Array(bytes)), sha256))

/**
 * Parses a node without checking the form of its keys and their layers: for nodes of our own tree, which were verified
 * before they were stored. `layer` is null.
 */
export const parseNodeUnchecked = (bytes: Uint8Array): TreeNode =>
  asNodeError(() => parse(new CborReader(new Uint8Array(bytes)), undefined))

/**
 * Where the CIDs of a stored node's links begin in `bytes`, in the order of an export; those of records as `~offset`.
 * `blockAt` is where the node begins. Nothing else is read: most of an export's own cost is this.
 */
export const nodeLinks = (bytes: Uint8Array, blockAt: number): number[] => {
  const reader = new CborReader(bytes)
  reader.offset = blockAt
  const offsets: number[] = []
  const subtreeAt = (): number => {
    if (bytes[reader.offset] === ((SIMPLE << 5) | NULL)) {
      reader.skip(1)
      return -1
    }
    reader.head()
    return reader.cid()
  }
  reader.skip(3)
  const count = reader.expect(ARRAY, 'entries')
  for (let i = 0; i < count; i++) {
    reader.skip(3)
    reader.skip(reader.expect(BYTES, 'the rest of a key'))
    reader.skip(2)
    reader.head()
    reader.skip(2)
    const right = subtreeAt()
    reader.skip(2)
    reader.head()
    offsets.push(~reader.cid())
    if (right >= 0) offsets.push(right)
  }
  reader.skip(2)
  const left = subtreeAt()
  if (left >= 0) offsets.unshift(left)
  return offsets
}
