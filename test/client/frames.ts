/** Frames of an event stream, made by the reference's encoder. */
import { encode } from '@atproto/lex-cbor'
import { cidForRawHash, type LexValue } from '@atproto/lex-data'

const CID = cidForRawHash(new Uint8Array(32).fill(7))

export const frame = (header: LexValue, body: LexValue): Uint8Array => {
  const [first, second] = [encode(header), encode(body)]
  const bytes = new Uint8Array(first.length + second.length)
  bytes.set(first)
  bytes.set(second, first.length)
  return bytes
}

export const event = (name: string, body: Record<string, LexValue>): Uint8Array =>
  frame({ op: 1, t: `#${name}` }, body)

export const identity = (seq: number): Uint8Array =>
  event('identity', { seq, did: 'did:web:alice.example', time: '2026-11-22T10:00:00.000Z' })

export const commit = (seq: number, blocks = new Uint8Array(10), ops: LexValue[] = []): Uint8Array =>
  event('commit', {
    ...{
      seq,
      rebase: false,
      tooBig: false,
      repo: 'did:web:alice.example',
      commit: CID,
      rev: '3lc6zqrzlgc2d',
    },
    ...{ since: null, blocks, ops, blobs: [], prevData: CID, time: '2026-11-22T10:00:00.000Z' },
  })

export const failure = (error: string, message = error): Uint8Array => frame({ op: -1 }, { error, message })
