import { describe, expect, test } from 'vitest'
import { blobRefs } from '../../src/repo/blobRefs.ts'
import { cborCid, post, rawCid } from './fixture.ts'

const cid = rawCid(new Uint8Array([1]))
const other = rawCid(new Uint8Array([2]))

describe('blob references', () => {
  test('are found in both forms, at any depth, each as often as the record says something else of it', () => {
    const typed = { $type: 'blob', ref: cid, mimeType: 'image/png', size: 3 } as const
    const record = post('x', {
      embed: {
        images: [{ image: typed }, { image: { ...typed, mimeType: 'image/jpeg' } }],
        external: { thumb: typed },
      },
      old: [[{ cid: other.toString(), mimeType: 'image/gif' }]],
    })
    expect(blobRefs(record).map((blob) => ({ ...blob, cid: blob.cid.toString() }))).toEqual(
      expect.arrayContaining([
        { cid: cid.toString(), mimeType: 'image/png', size: 3, legacy: false },
        { cid: cid.toString(), mimeType: 'image/jpeg', size: 3, legacy: false },
        { cid: other.toString(), mimeType: 'image/gif', size: undefined, legacy: true },
      ]),
    )
    expect(blobRefs(record)).toHaveLength(3)
  })

  test('without a size are blobs: records converted from the legacy form say -1', () => {
    const value = { $type: 'blob', ref: cid, mimeType: 'image/png', size: -1 } as const
    expect(blobRefs(post('x', { value }))).toEqual([
      { cid, mimeType: 'image/png', size: undefined, legacy: false },
    ])
  })

  test.each([
    ['a link that is not a blob', { ref: cid, mimeType: 'image/png', size: 3 }],
    [
      'a blob whose link is not a raw CID',
      { $type: 'blob', ref: cborCid(new Uint8Array()), mimeType: 'a/b', size: 3 },
    ],
    ['a negative size', { $type: 'blob', ref: cid, mimeType: 'a/b', size: -2 }],
    ['a legacy form with more fields', { cid: cid.toString(), mimeType: 'a/b', size: 3 }],
    ['a legacy form with another CID', { cid: cborCid(new Uint8Array()).toString(), mimeType: 'a/b' }],
    ['a legacy form without a CID', { cid: 'x'.repeat(100_000), mimeType: 'a/b' }],
  ])('%s is not a blob reference', (_, value) => {
    expect(blobRefs(post('x', { value }))).toEqual([])
  })

  test('a list of a million items is searched', () => {
    expect(blobRefs({ list: Array.from({ length: 1_000_000 }, () => 0) })).toEqual([])
  })
})
