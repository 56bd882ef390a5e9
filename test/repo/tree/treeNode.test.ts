import { encode } from '@atproto/lex-cbor'
import type { LexMap, LexValue } from '@atproto/lex-data'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  NodeError,
  isRecordPath,
  keyLayer,
  nodeLinks,
  parseNode,
  parseNodeUnchecked,
} from '../../../src/repo/tree/treeNode.ts'
import type { NodeErrorCode } from '../../../src/repo/tree/treeNode.ts'
import { cborCid, rawCid } from '../fixture.ts'
import { keyOn, keysOn, linked, linksOf, nodeData, value } from './tree.ts'

const sub = cborCid(new Uint8Array([9]))
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const refusal = (bytes: Uint8Array): NodeErrorCode | undefined => {
  try {
    parseNode(bytes)
    return undefined
  } catch (error) {
    if (error instanceof NodeError) return error.code
    throw error
  }
}

describe('tree nodes', () => {
  test('a node is read, with complete keys', () => {
    const [a = '', b = '', c = ''] = keysOn([1, 1, 1])
    const node = parseNode(encode(nodeData(sub, [{ key: a }, { key: b, right: sub }, { key: c }])))
    expect(node.layer).toBe(1)
    expect(node.left?.toString()).toBe(sub.toString())
    expect(node.entries.map(({ key, right }) => [key, right?.toString()])).toEqual([
      [a, undefined],
      [b, sub.toString()],
      [c, undefined],
    ])
    expect(node.entries.every((entry) => entry.value.cid.equals(value))).toBe(true)
  })

  test('an empty node, and one with only a subtree, have no layer', () => {
    expect(parseNode(encode(nodeData(null, [])))).toEqual({ left: null, entries: [], layer: null })
    expect(parseNode(encode(nodeData(sub, []))).layer).toBe(null)
  })

  // The examples of the repository specification.
  test.each([
    ['2653ae71', 0],
    ['blue', 1],
    ['app.bsky.feed.post/454397e440ec', 4],
    ['app.bsky.feed.post/9adeb165882c', 8],
  ])('the layer of %s is %d', (key, layer) => {
    expect(keyLayer(key)).toBe(layer)
  })

  test('a digest of only zeros has as many layers as it has pairs of bits', () => {
    expect(keyLayer('x', () => new Uint8Array(32))).toBe(128)
  })

  test.each([
    ['app.bsky.feed.post/3jzfcijpj2z2a', true],
    ['app.bsky.actor.profile/self', true],
    ['a.b.c/~-_.:', true],
    [`a.b.c/${'x'.repeat(512)}`, true],
    [`a.b.c/${'x'.repeat(513)}`, false],
    ['app.bsky.feed.post', false],
    ['app.bsky.feed.post/', false],
    ['/a', false],
    ['', false],
    ['app.bsky.feed.post/a/b', false],
    ['app.bsky.feed.post/.', false],
    ['app.bsky.feed.post/..', false],
    ['app.bsky.feed.post/é', false],
    ['app.bsky.feed.post/a b', false],
    ['post/a', false],
    ['app.bsky.feed.post/%23', false],
  ])('%j is a record path: %s', (path, valid) => {
    expect(isRecordPath(path)).toBe(valid)
  })

  const [a = '', b = ''] = keysOn([0, 0])
  const base = nodeData(null, [{ key: a }, { key: b }])
  const withEntry = (change: LexMap): LexValue => ({
    ...base,
    e: [{ ...base.e[0], ...change }] as LexValue[],
  })
  const second = (p: number): LexValue => ({
    ...base,
    e: [base.e[0], { ...base.e[1], p, k: bytesOf(b.slice(p)) }] as LexValue[],
  })
  const prefix = base.e[1]?.p ?? 0
  const cases: [string, LexValue, NodeErrorCode][] = [
    ['a number', 1, 'BadEncoding'],
    ['no left subtree', { e: [] }, 'BadEncoding'],
    ['one field too many', { ...base, x: 1 }, 'BadEncoding'],
    ['entries that are not a list', { ...base, e: {} }, 'BadEncoding'],
    ['a left subtree that is false', { ...base, l: false }, 'BadEncoding'],
    ['a left subtree that is raw', { ...base, l: rawCid(new Uint8Array()) }, 'BadEncoding'],
    ['a record that is raw', withEntry({ v: rawCid(new Uint8Array()) }), 'BadEncoding'],
    ['a record that is null', withEntry({ v: null }), 'BadEncoding'],
    ['a key that is text', withEntry({ k: a }), 'BadEncoding'],
    ['a prefix below zero', withEntry({ p: -1 }), 'BadEncoding'],
    ['a field too many in an entry', withEntry({ x: 1 }), 'BadEncoding'],
    ['a prefix on the first key', withEntry({ p: 1 }), 'BadPrefix'],
    ['a shorter prefix than there is', second(prefix - 1), 'BadPrefix'],
    ['no prefix where there is one', second(0), 'BadPrefix'],
    [
      'a prefix longer than the key before',
      { ...base, e: [base.e[0], { ...base.e[1], p: 500 }] as LexValue[] },
      'BadPrefix',
    ],
    ['a key that is not a path', withEntry({ k: bytesOf('abc') }), 'BadKey'],
    ['a key of bytes beyond ASCII', withEntry({ k: bytesOf('com.example.record/é') }), 'BadKey'],
    ['a key of 2 KB', withEntry({ k: bytesOf(`com.example.record/${'a'.repeat(2000)}`) }), 'BadKey'],
    ['an empty key', withEntry({ k: new Uint8Array() }), 'BadKey'],
    ['keys in the wrong order', nodeData(null, [{ key: b }, { key: a }]), 'BadOrder'],
    [
      'a key twice',
      { ...base, e: [base.e[0], { ...base.e[1], p: a.length, k: new Uint8Array() }] as LexValue[] },
      'BadOrder',
    ],
    [
      'keys of two layers',
      nodeData(
        null,
        keysOn([0, 1]).map((key) => ({ key })),
      ),
      'BadLayer',
    ],
  ]
  test.each(cases)('%s is refused', (_, data, code) => {
    expect(refusal(encode(data))).toBe(code)
  })

  test('four billion entries that are not there cost nothing', () => {
    expect(refusal(Uint8Array.from(Buffer.from('a261659affffffff', 'hex')))).toBe('BadEncoding')
  })

  test('bytes after the node are refused', () => {
    expect(refusal(new Uint8Array([...encode(base), 0]))).toBe('BadEncoding')
  })

  test('a damaged node is refused, or is another node in its only encoding', () => {
    const bytes = encode(nodeData(sub, [{ key: keyOn(1), right: sub }, { key: keyOn(1, 1) }]))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const copy = bytes.slice()
        copy[at] = byte
        if (refusal(copy)) return
        const { left, entries } = linked(parseNode(copy))
        expect(encode(nodeData(left, entries))).toEqual(copy)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('nodes of our own', () => {
  const link = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(cborCid)
  const subtree = fc.option(link)
  const keys = [0, 1, 2].map((layer) => keysOn(Array.from({ length: 30 }, () => layer)))
  const nodes = fc
    .tuple(
      fc.nat(2),
      subtree,
      fc.array(fc.tuple(fc.boolean(), link, subtree), { maxLength: 30, size: 'max' }),
    )
    .map(([layer, left, rows]) => {
      const entries = rows.flatMap(([there, record, right], i) => {
        const key = keys[layer]?.[i]
        return there && key !== undefined ? [{ key, value: record, right }] : []
      })
      return { left, bytes: encode(nodeData(left, entries)) }
    })

  test('they are read like any others, except for the layer', () => {
    fc.assert(
      fc.property(nodes, ({ bytes }) => {
        expect(parseNodeUnchecked(bytes)).toEqual({ ...parseNode(bytes), layer: null })
      }),
    )
  })

  test('keys that are refused elsewhere are read', () => {
    const data = nodeData(sub, [{ key: 'a' }, ...keysOn([0, 1]).map((key) => ({ key }))])
    expect(refusal(encode(data))).toBe('BadKey')
    expect(parseNodeUnchecked(encode(data)).entries.map(({ key }) => key)).toEqual(['a', ...keysOn([0, 1])])
    expect(() => parseNodeUnchecked(encode(1))).toThrow(NodeError)
  })

  test('their links are found in the order of an export, wherever the node begins', () => {
    fc.assert(
      fc.property(nodes, fc.nat(100), ({ left, bytes }, before) => {
        const { entries } = parseNode(bytes)
        const expected = [
          ...(left ? [`node ${left}`] : []),
          ...entries.flatMap(({ value: record, right }) => [
            `record ${record}`,
            ...(right ? [`node ${right}`] : []),
          ]),
        ]
        const within = Uint8Array.of(...new Uint8Array(before).fill(0xa2), ...bytes, 0xff, 0xff)
        expect(linksOf(within, before).map(([kind, cid]) => `${kind} ${cid}`)).toEqual(expected)
      }),
    )
  })

  test('a node of more than a thousand entries and long keys has all its links', () => {
    const many = Array.from({ length: 1200 }, (_, i) => ({
      key: `com.example.record/${String.fromCharCode(65 + (i % 26)).repeat(i % 300)}${i}`,
      right: i % 3 ? null : sub,
    })).sort((x, y) => (x.key < y.key ? -1 : 1))
    const bytes = encode(nodeData(null, many))
    expect(nodeLinks(bytes, 0)).toHaveLength(1600)
    expect(linksOf(bytes, 0).filter(([kind]) => kind === 'node')).toHaveLength(400)
  })
})
