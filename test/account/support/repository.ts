/** A repository of any shape, made in memory, and its CAR in any order. */
import type { Secp256k1Keypair } from '@atproto/crypto'
import type { Cid, LexValue } from '@atproto/lex-data'
import { type Block, carOf, signCommit } from '../../../src/account/commit.ts'
import { nextTid } from '../../../src/repo/tid.ts'
import { walk } from '../../../src/repo/walk.ts'
import { Blocks, rawCid } from '../../repo/fixture.ts'
import { putTree } from '../../repo/tree.ts'
import { DID, POST } from './account.ts'

/** Reference to a blob that nobody has. */
export const picture = (name: string) => ({
  $type: 'blob',
  ref: rawCid(new TextEncoder().encode(name)),
  mimeType: 'image/png',
  size: name.length,
})

export const text = (words: string, more: { [name: string]: LexValue } = {}): LexValue => ({
  $type: POST,
  text: words,
  ...more,
})

/** A commit and its tree, in the order of an export. */
export interface Signed {
  root: Cid
  data: Cid
  rev: string
  blocks: Block[]
}

export class Repository {
  readonly store = new Blocks()
  readonly records = new Map<string, Cid>()
  readonly #key: Pick<Secp256k1Keypair, 'sign'>

  constructor(key: Pick<Secp256k1Keypair, 'sign'>) {
    this.#key = key
  }

  put(path: string, record: LexValue): Cid {
    const cid = this.store.put(record)
    this.records.set(path, cid)
    return cid
  }

  /** As it is at this time. */
  async sign(at: number): Promise<Signed> {
    return this.signTree(putTree(this.store, this.records), at)
  }

  async signTree(data: Cid, at: number): Promise<Signed> {
    const rev = nextTid(at)
    const commit = await signCommit(this.#key, { did: DID, rev, data })
    const blocks = new Map([[commit.cid.toString(), commit]])
    for (const { cid, bytes } of walk(data, this.store.read)) blocks.set(cid.toString(), { cid, bytes })
    return { root: commit.cid, data, rev, blocks: [...blocks.values()] }
  }
}

/** The same blocks in another order. */
export const shuffled = <T>(blocks: readonly T[], random: () => number): T[] =>
  blocks
    .map((block) => [random(), block] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, block]) => block)

/** Those that this one has and that one has not. */
export const beyond = ({ blocks }: Signed, { blocks: known }: Signed): Block[] => {
  const names = new Set(known.map(({ cid }) => cid.toString()))
  return blocks.filter(({ cid }) => !names.has(cid.toString()))
}

export const car = ({ root, blocks }: Signed, order = blocks): Uint8Array => carOf(root, order)
