import { encode } from '@atproto/lex-cbor'
import { CBOR_DATA_CODEC, createCid, type LexValue, SHA256_HASH_CODE } from '@atproto/lex-data'
import { describe, expect, it } from 'vitest'
import { readBlocks, readRecords } from '../../../src/client/subscribe.ts'
import { readFrame } from '../../../src/client/subscribe/frame.ts'
import { carHeader, carSection } from '../../../src/repo/car/writeCar.ts'
import { sha256 } from '../../../src/repo/sha256.ts'
import { commit } from '../frames.ts'

const block = (value: LexValue) => {
  const bytes = encode(value)
  return { bytes, cid: createCid(CBOR_DATA_CODEC, SHA256_HASH_CODE, sha256(bytes)) }
}
const root = block({ version: 3 })
const post = block({ $type: 'app.bsky.feed.post', text: 'hello', link: root.cid, raw: new Uint8Array([1]) })
const long = block({ text: 'x'.repeat(20_000) })

const car = (...blocks: { bytes: Uint8Array; cid: typeof root.cid }[]): Uint8Array<ArrayBuffer> =>
  Buffer.concat([carHeader(root.cid), ...blocks.map(({ cid, bytes }) => carSection(cid, bytes))])

const event = (blocks: Uint8Array<ArrayBuffer>, ops: LexValue[]) => {
  const { event } = readFrame(commit(1, blocks, ops))
  if (event?.$type !== 'com.atproto.sync.subscribeRepos#commit') throw new Error('no commit')
  return event
}

describe('readBlocks', () => {
  it('returns each block by its CID', async () => {
    const blocks = await readBlocks(car(root, post, long))
    expect([...blocks]).toEqual(
      [root, post, long].map(({ cid, bytes }) => [String(cid), new Uint8Array(bytes)]),
    )
    expect(await readBlocks(car())).toEqual(new Map())
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['what ends early', car(root, post).subarray(0, -1)],
    ['a length without end', Buffer.concat([car(root), new Uint8Array(20).fill(0xff)])],
    ['another version', Buffer.concat([new Uint8Array([10]), encode({ version: 2 })])],
    ['a header that is none', new Uint8Array([1, 0xf6])],
    ['a block with the CID of another', car({ bytes: post.bytes, cid: root.cid })],
    ['a section too short for a CID', Buffer.concat([car(), new Uint8Array([3, 1, 0x71, 0x12])])],
  ])('refuses %s', async (_, bytes) => {
    await expect(readBlocks(bytes)).rejects.toThrow(TypeError)
  })
})

describe('readRecords', () => {
  it('returns what a commit did to each record', async () => {
    const path = 'app.bsky.feed.post/3lc6zqrzlgc2d'
    const found = await readRecords(
      event(car(root, post), [
        { action: 'create', path, cid: post.cid },
        { action: 'update', path, cid: post.cid, prev: root.cid },
        { action: 'delete', path, cid: null, prev: post.cid },
      ]),
    )
    const record = {
      $type: 'app.bsky.feed.post',
      text: 'hello',
      link: { $link: String(root.cid) },
      raw: new Uint8Array([1]),
    }
    const at = { collection: 'app.bsky.feed.post', rkey: '3lc6zqrzlgc2d' }
    expect(found).toEqual([
      { action: 'create', ...at, cid: String(post.cid), record },
      { action: 'update', ...at, cid: String(post.cid), record, prev: String(root.cid) },
      { action: 'delete', ...at, prev: String(post.cid) },
    ])
  })

  it('refuses a commit that lacks the block of a record', async () => {
    const ops = [{ action: 'create', path: 'a.b.c/d', cid: post.cid }]
    await expect(readRecords(event(car(root), ops))).rejects.toThrow('a.b.c/d')
  })
})
