import { encode } from '@atproto/lex-cbor'
import type { Cid } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeNode } from '../../../src/repo/tree/encodeNode.ts'
import { parseNode } from '../../../src/repo/tree/treeNode.ts'
import { keysOn, value } from './tree.ts'

interface Entry {
  key: string
  right: Cid | null
}

/** The node in the form of the specification, in the library's encoding. */
const byLibrary = (left: Cid | null, entries: readonly Entry[]): Uint8Array => {
  let previous = ''
  const e = entries.map(({ key, right }) => {
    let p = 0
    while (p < previous.length && previous[p] === key[p]) p++
    previous = key
    return { p, k: new TextEncoder().encode(key.slice(p)), v: value, t: right }
  })
  return new Uint8Array(encode({ l: left, e }))
}

const encoded = (left: Cid | null, entries: readonly Entry[]): Uint8Array =>
  encodeNode({ left, entries: entries.map((entry) => ({ ...entry, value })) })

const link = fc.constantFrom(null, value)
const key = fc.oneof(
  fc.stringMatching(/^com\.example\.[a-z]{1,12}\/[a-zA-Z0-9_~.:-]{1,40}$/),
  // Around the lengths at which the head of a byte string, or of a prefix, takes another byte.
  fc.integer({ min: 1, max: 480 }).map((length) => `com.example.long/${'k'.repeat(length)}`),
)
const entries = fc
  .uniqueArray(fc.record({ key, right: link }), { maxLength: 40, selector: (entry) => entry.key })
  .map((list) => list.toSorted((a, b) => (a.key < b.key ? -1 : 1)))

describe('encodeNode', () => {
  it('gives the bytes of the library, whatever the node has', () => {
    fc.assert(
      fc.property(link, entries, (left, list) => {
        expect(encoded(left, list)).toEqual(byLibrary(left, list))
      }),
    )
  })

  it.each([0, 1, 23, 24, 255, 256, 300])('encodes %i entries as the library does', (count) => {
    const list = Array.from({ length: count }, (_, i) => ({
      key: `com.example.record/${String(i).padStart(8, '0')}`,
      right: i % 3 === 0 ? value : null,
    }))
    expect(encoded(null, list)).toEqual(byLibrary(null, list))
  })

  it('is read by our own reader as what it was', () => {
    const list = keysOn([1, 1, 1, 1]).map((key, i) => ({ key, right: i === 2 ? value : null }))
    const node = parseNode(encoded(value, list))
    expect(node.left?.cid.equals(value)).toBe(true)
    expect(node.entries.map(({ key, right }) => ({ key, right: right?.cid ?? null }))).toEqual(list)
  })
})
