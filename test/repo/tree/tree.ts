import { decodeCid } from '@atproto/lex-data'
import type { Cid, LexValue } from '@atproto/lex-data'
import { encode } from '@atproto/lex-cbor'
import { keyLayer, nodeLinks, type TreeNode } from '../../../src/repo/tree/treeNode.ts'
import { cborCid, post } from '../fixture.ts'
import type { Blocks } from '../fixture.ts'

/** A key on this layer, the `skip`th one after `from`. */
export const keyOn = (layer: number, skip = 0): string => {
  for (let i = 0, found = 0; ; i++) {
    const key = `com.example.record/${String(i).padStart(8, '0')}`
    if (keyLayer(key) === layer && found++ === skip) return key
  }
}

/** The first keys of the series on these layers, ascending: `keysOn([0, 1, 0])`. */
export const keysOn = (layers: readonly number[]): string[] => {
  const keys: string[] = []
  for (let i = 0; keys.length < layers.length; i++) {
    const key = `com.example.record/${String(i).padStart(8, '0')}`
    if (keyLayer(key) === layers[keys.length]) keys.push(key)
  }
  return keys
}

export const value: Cid = cborCid(encode(post('a record')))

export interface RawEntry {
  key: string
  value?: Cid
  right?: Cid | null
}

/** Data of a node in its format, valid or not. */
export const nodeData = (left: Cid | null, entries: readonly RawEntry[]) => {
  let previous = ''
  const e = entries.map(({ key, value: v = value, right: t = null }) => {
    let p = 0
    while (p < previous.length && p < key.length - 1 && previous[p] === key[p]) p++
    previous = key
    return { k: new TextEncoder().encode(key.slice(p)), p, t, v }
  })
  return { e, l: left } satisfies LexValue
}

/** A node's links as CIDs. */
export const linked = ({ left, entries }: Pick<TreeNode, 'left' | 'entries'>) => ({
  left: left?.cid ?? null,
  entries: entries.map((entry) => ({
    key: entry.key,
    value: entry.value.cid,
    right: entry.right?.cid ?? null,
  })),
})

export const putNode = (blocks: Blocks, left: Cid | null, entries: readonly RawEntry[]): Cid =>
  blocks.put(nodeData(left, entries))

/** The one tree that these records have. */
export const putTree = (blocks: Blocks, records: ReadonlyMap<string, Cid>): Cid => {
  const sorted = [...records]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, cid]) => ({ key, value: cid, layer: keyLayer(key) }))
  const subtree = (from: number, to: number, layer: number): Cid | null => {
    if (from === to) return null
    const own: number[] = []
    for (let i = from; i < to; i++) if (sorted[i]?.layer === layer) own.push(i)
    const entries = own.flatMap((i, n) => {
      const entry = sorted[i]
      return entry ? [{ ...entry, right: subtree(i + 1, own[n + 1] ?? to, layer - 1) }] : []
    })
    return putNode(blocks, subtree(from, own[0] ?? to, layer - 1), entries)
  }
  const top = sorted.reduce((layer, entry) => Math.max(layer, entry.layer), 0)
  return subtree(0, sorted.length, top) ?? putNode(blocks, null, [])
}

/** The CIDs at the offsets that `nodeLinks` finds. */
export const linksOf = (bytes: Uint8Array, blockAt: number): ['node' | 'record', Cid][] =>
  nodeLinks(bytes, blockAt).map((link) => {
    const offset = link < 0 ? ~link : link
    return [link < 0 ? 'record' : 'node', decodeCid(bytes.slice(offset, offset + 36))]
  })

/** The order of an export, by the links of the nodes alone. */
export const byLinks = (root: Cid, blocks: Blocks): string[] => {
  const bytes = blocks.read(root) ?? new Uint8Array()
  const before = bytes.length % 40
  const within = Uint8Array.of(...new Uint8Array(before).fill(0xff), ...bytes)
  const links = linksOf(within, before).flatMap(([kind, cid]) =>
    kind === 'record' ? [`record ${cid}`] : byLinks(cid, blocks),
  )
  return [`node ${root}`, ...links]
}
