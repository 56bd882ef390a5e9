import { describe, expect, it } from 'vitest'
import { blobType } from '../../../src/account/blobs/blobType.ts'

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  )

const box = (brand: string): Uint8Array =>
  bytes([0, 0, 0, 20], 'ftyp', brand, [0, 0, 2, 0], brand, [0, 0, 0, 8], 'free')
const ebml = (name: string): Uint8Array =>
  bytes([0x1a, 0x45, 0xdf, 0xa3, 0x9f, 0x42, 0x86, 0x81, 1, 0x42, 0x82, 0x80 + name.length], name)

const PNG = bytes([0x89], 'PNG\r\n', [0x1a, 0x0a, 0, 0, 0, 13], 'IHDR')
const JPEG = bytes([0xff, 0xd8, 0xff, 0xe0, 0, 16], 'JFIF', [0])

const KNOWN: [string, Uint8Array][] = [
  ['image/png', PNG],
  ['image/jpeg', JPEG],
  ['image/gif', bytes('GIF89a', [1, 0, 1, 0])],
  ['image/webp', bytes('RIFF', [100, 0, 0, 0], 'WEBPVP8 ')],
  ['image/avif', box('avif')],
  ['image/svg+xml', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['video/mp4', box('isom')],
  ['video/mp4', box('mp42')],
  ['video/quicktime', box('qt  ')],
  ['video/webm', ebml('webm')],
  ['video/x-matroska', ebml('matroska')],
  ['audio/mp4', box('M4A ')],
  ['audio/mpeg', bytes('ID3', [3, 0, 0, 0, 0, 0, 0])],
  ['audio/flac', bytes('fLaC', [0, 0, 0, 34])],
  ['application/pdf', bytes('%PDF-1.7\n')],
  ['application/zip', bytes('PK', [3, 4, 20, 0, 0, 0])],
  ['text/vtt', bytes('WEBVTT\n\n00:00.000 --> 00:01.000\n')],
]

describe('the type of a blob', () => {
  it.each(KNOWN)('is %s by its first bytes where the sender does not say', async (type, head) => {
    for (const generic of [
      '*/*',
      'application/octet-stream',
      'multipart/form-data',
      'application/x-www-form-urlencoded',
    ])
      expect(blobType(generic, head)).toBe(type)
    expect(blobType(type, head)).toBe(type)
  })

  it('is application/octet-stream where nobody knows', () => {
    for (const head of [new Uint8Array(), new Uint8Array(4096), bytes('hello world')])
      for (const generic of ['*/*', 'application/octet-stream'])
        expect(blobType(generic, head)).toBe('application/octet-stream')
  })

  it('is what the bytes are where the sender calls a picture by the name of another', () => {
    expect(blobType('image/jpeg', PNG)).toBe('image/png')
    expect(blobType('image/png', JPEG)).toBe('image/jpeg')
    expect(blobType('image/jpg', JPEG)).toBe('image/jpeg')
    expect(blobType('image/png', box('avif'))).toBe('image/avif')
  })

  it('is as declared where the bytes do not prove another', () => {
    expect(blobType('image/apng', PNG)).toBe('image/apng')
    expect(blobType('image/heic', box('heic'))).toBe('image/heic')
    expect(blobType('image/x-canon-cr2', bytes('II', [0x2a, 0, 16, 0, 0, 0]))).toBe('image/x-canon-cr2')
    expect(blobType('image/png', bytes('not a picture'))).toBe('image/png')
    expect(blobType('video/mp4', box('qt  '))).toBe('video/mp4')
    expect(blobType('text/plain', bytes('BM is a name'))).toBe('text/plain')
    expect(blobType('application/vnd.ipld.car', PNG)).toBe('application/vnd.ipld.car')
  })

  it('is found for any bytes', () => {
    let seed = 1
    for (let n = 0; n < 2000; n++) {
      const head = new Uint8Array(n % 97).map(
        () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 24,
      )
      const [, known = PNG] = KNOWN[n % KNOWN.length] ?? []
      expect(blobType('*/*', head)).toMatch(/^[\w.+-]+\/[\w.+-]+$/)
      expect(blobType('*/*', known.subarray(0, n % known.length))).toMatch(/^[\w.+-]+\/[\w.+-]+$/)
    }
  })
})
