import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import { NodeError, parseNode, parseNodeUnchecked, type TreeNode } from '../../../src/repo/tree/treeNode.ts'
import { cborCid } from '../../repo/fixture.ts'
import { keyOn, linked, linksOf } from '../../repo/tree/tree.ts'
import { mutateBytes } from '../bytes.ts'
import { mutateItem, read, write } from '../cbor.ts'
import type { Target } from '../engine.ts'
import type { Random } from '../random.ts'
import { hex, same } from './same.ts'

/** The only valid encoding of a node. */
export const nodeBytes = ({ left, entries }: ReturnType<typeof linked>): Uint8Array => {
  let previous = ''
  const e = entries.map(({ key, value: v, right: t }) => {
    let p = 0
    while (p < previous.length && p < key.length && previous[p] === key[p]) p++
    previous = key
    return { k: new TextEncoder().encode(key.slice(p)), p, t, v }
  })
  return encode({ e, l: left })
}

const KEYS = [0, 1, 2].map((layer) => Array.from({ length: 12 }, (_, skip) => keyOn(layer, skip)))
const STRANGE = [
  'com.example.record/',
  'com.example/x',
  'x/y',
  '/',
  '',
  'com.example.record/.',
  'com.example.record/a/b',
].concat(['com.example.record/é', `com.example.record/${'x'.repeat(600)}`, 'com.example.record/\0'])

const cid = (random: Random): Cid => cborCid(random.bytes(4))
const maybe = (random: Random): Cid | null => (random.chance(0.4) ? cid(random) : null)

export const node: Target<Uint8Array, TreeNode> = {
  name: 'node',
  typed: [NodeError],
  generate: (random) => {
    const keys = new Set(random.pick(KEYS).filter(() => random.chance(0.5)))
    if (random.chance(0.1)) keys.add(random.pick(STRANGE))
    if (random.chance(0.1)) keys.add(random.pick(random.pick(KEYS)))
    const sorted = random.chance(0.9) ? [...keys].sort() : [...keys]
    const left = maybe(random)
    const bytes = nodeBytes({
      left,
      entries: sorted.map((key) => ({ key, value: cid(random), right: maybe(random) })),
    })
    if (random.chance(0.2)) return bytes
    return random.chance(0.3) ? mutateBytes(bytes, random) : write(mutateItem(read(bytes), random))
  },
  run: (input) => parseNode(input),
  check: (input, node) => {
    same(nodeBytes(linked(node)), input)
    // Every way of reading a stored node finds the same in it.
    same(nodeBytes(linked(parseNodeUnchecked(input))), input)
    const { left, entries } = node
    const links = [
      ...(left ? [`node ${left}`] : []),
      ...entries.flatMap(({ value, right }) => [`record ${value}`, ...(right ? [`node ${right}`] : [])]),
    ]
    const from = input.length % 50
    const found = linksOf(Uint8Array.of(...input.subarray(0, from), ...input), from)
    if (found.map((link) => link.join(' ')).join() !== links.join()) throw new Error('other links')
  },
  ...hex,
}
