/** That workerd's own node:zlib decodes as it is read, and no faster. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decompress } from '../../src/streams/decompress.ts'
import { stream } from '../xrpc/support.ts'

const CODINGS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
] as const
const options = {
  brotliLimit: 20_000_000,
  broken: () => new Error('broken'),
  tooLarge: () => new Error('too large'),
}

describe.each(CODINGS)('a body in %s', (coding, compress) => {
  it('is decoded, whatever its size', async () => {
    for (const size of [0, 1, 100_000, 2_000_000]) {
      const bytes = new Uint8Array(size).map((_, i) => (i * 7 + (i >> 9)) & 255)
      const decoded = await new Response(decompress(stream(compress(bytes)), coding, options)).arrayBuffer()
      expect(Buffer.from(decoded).equals(Buffer.from(bytes))).toBe(true)
    }
  })

  it('is read only as far as its decoded bytes are', async () => {
    let pulled = 0
    // Nothing to compress: as many bytes go in as come out, 32 pieces of 125 KB.
    let random = 1
    const noise = new Uint8Array(4_000_000).map(
      () => (random = (Math.imul(random, 1664525) + 1013904223) >>> 0) >>> 24,
    )
    const bytes = compress(noise)
    const size = Math.ceil(bytes.length / 32)
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const piece = bytes.subarray(pulled * size, ++pulled * size)
          if (piece.length > 0) controller.enqueue(new Uint8Array(piece))
          else controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    // Brotli has a limit instead.
    if (coding === 'br') return
    const reader = decompress(body, coding, options).getReader()
    for (let seen = 0; seen < 500_000;) seen += (await reader.read()).value?.length ?? Infinity
    expect(pulled).toBeLessThan(10)
    await reader.cancel()
  })

  it('fails with the given error where it is cut off or is something else, and with its own where it fails', async () => {
    const bytes = compress(Buffer.from('hello'.repeat(1000)))
    for (const wrong of [bytes.subarray(0, -3), Buffer.from('hello'.repeat(100))])
      await expect(new Response(decompress(stream(wrong), coding, options)).text()).rejects.toThrow('broken')
    const failing = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new Error('the sender went away')),
    })
    await expect(new Response(decompress(failing, coding, options)).text()).rejects.toThrow('went away')
  })
})

describe('a body in brotli', () => {
  it('is refused beyond its limit, before and after it is decoded', async () => {
    const small = { ...options, brotliLimit: 10_000 }
    const text = (bytes: Uint8Array) => new Response(decompress(stream(bytes), 'br', small)).text()
    expect(await text(brotliCompressSync(Buffer.alloc(10_000)))).toHaveLength(10_000)
    for (const bytes of [Buffer.alloc(10_001), Buffer.alloc(8_000_000)])
      await expect(text(brotliCompressSync(bytes))).rejects.toThrow('too large')
    await expect(text(new Uint8Array(10_001))).rejects.toThrow('too large')
  })
})
