import { encode } from '@atproto/lex-cbor'
import { cidForCbor } from '@atproto/lex-data'
import { jsonToLex, lexToIpld } from '@atproto/lexicon'
import { expect } from 'vitest'

export interface Blob {
  cid: string
  size: number
  text: string
}

export interface Record {
  cid: string
  /** The blob that the record refers to. */
  blob: string | undefined
}

export type Tree = Map<string, Record>

/** What the account must contain, recorded beside it by the steps. */
export class Model {
  tree: Tree = new Map()
  active = true
  /** Acknowledged uploads that are still here, and since when they may be collected if no record refers to them. */
  readonly blobs = new Map<string, Blob & { until: number }>()
  /** Every acknowledged commit, by its revision. */
  readonly commits = new Map<string, string>()
  readonly minted: string[] = []
  /** The signed operation of each token. */
  readonly signed = new Map<string, { operation: string; request: object }>()
  /** Complete exports: a later `since` builds on one, or an import brings it back. */
  readonly exports: { rev: string; car: Uint8Array; tree: Tree }[] = []
  /** What happened, for the report of a failure. */
  readonly trace: string[] = []
  rev = ''
  seq = 0

  referred(): Set<string> {
    return new Set([...this.tree.values()].flatMap(({ blob }) => (blob === undefined ? [] : [blob])))
  }

  /** `path cid`, sorted, for comparing. */
  static lines(tree: Tree): string[] {
    return [...tree].map(([path, { cid }]) => `${path} ${cid}`).toSorted()
  }

  expectTree(lines: readonly string[], tree: Tree = this.tree): void {
    expect(lines.toSorted()).toEqual(Model.lines(tree))
  }
}

/** The CID that a record must have. */
export const recordCid = async (record: object): Promise<string> =>
  // A record's JSON becomes a map.
  (await cidForCbor(encode(lexToIpld(jsonToLex(record)) as never))).toString()
