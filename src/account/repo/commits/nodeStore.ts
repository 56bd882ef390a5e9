import type { Cid } from '@atproto/lex-data'
import { ReadableBlockstore } from '@atproto/repo'
import { parseNodeUnchecked } from '../../../repo/tree/treeNode.ts'

const ascii = new TextEncoder()

/** A node of our own tree in the library's form. It takes keys that are not compressed, too. */
const nodeData = (bytes: Uint8Array) => {
  const { left, entries } = parseNodeUnchecked(bytes)
  return {
    l: left?.cid ?? null,
    e: entries.map(({ key, value, right }) => ({
      p: 0,
      k: ascii.encode(key),
      v: value.cid,
      t: right?.cid ?? null,
    })),
  }
}

/**
 * What the library's tree (`MST`) reads its nodes from. They are decoded by our own reader: the library's way, CBOR of any
 * shape and then a schema of zod, takes ten times as long, and this is the only use of zod, which the bundle leaves out
 * (src/unusedSchemas.ts).
 */
export class NodeStore extends ReadableBlockstore {
  readonly #read: (cid: Cid) => Uint8Array | undefined

  constructor(read: (cid: Cid) => Uint8Array | undefined) {
    super()
    this.#read = read
  }

  override async getBytes(cid: Cid): Promise<Uint8Array | null> {
    return this.#read(cid) ?? null
  }

  override async has(cid: Cid): Promise<boolean> {
    return this.#read(cid) !== undefined
  }

  override async getBlocks(): Promise<never> {
    throw new Error('a tree reads its nodes one by one')
  }

  /** A tree asks for nothing but nodes. */
  override async readObj<Node>(cid: Cid): Promise<Node> {
    const bytes = this.#read(cid)
    if (!bytes) throw new Error(`the tree has no node ${cid}`)
    return nodeData(bytes) as Node
  }
}
