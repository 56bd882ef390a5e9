import type { Cid } from '@atproto/lex-data'

/** A blob, and the type under which it is sent. */
export interface MadeUpBlob {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** What records say. */
  readonly mimeType: string
  /** `content-type` of the upload. */
  readonly sentAs: string
  readonly cid: Cid
}

const text = (value: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(value))

/** The first bytes of a PNG, and then chance. */
const png = (random: (length: number) => Uint8Array, length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length)
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52])
  for (let at = 16; at < length; at += 4096) bytes.set(random(Math.min(4096, length - at)), at)
  return bytes
}

/** The size of a large blob: under the limit of 5 MiB that most servers have. */
const LARGE_BYTES = 3 * 1024 * 1024

/** Blobs as accounts have them: pictures, texts that a server may change on the way, and types that say nothing. */
export const madeUpBlobs = (random: (length: number) => Uint8Array): Omit<MadeUpBlob, 'cid'>[] => {
  const same = (name: string, bytes: Uint8Array<ArrayBuffer>, type: string) => ({
    name,
    bytes,
    mimeType: type,
    sentAs: type,
  })
  return [
    same('a picture', png(random, 2048), 'image/png'),
    same('a large picture', png(random, LARGE_BYTES), 'image/png'),
    same('one byte', new Uint8Array([0]), 'application/octet-stream'),
    // Servers that compress or re-encode these give other bytes.
    same('a text', text('Straße\r\n'.repeat(400)), 'text/plain'),
    same('JSON', text('{"b": 1,\n "a":  [ 2 ] }'), 'application/json'),
    same('HTML', text('<script>alert(1)</script>'), 'text/html'),
    same('a type with a parameter', text('WEBVTT\n\n'), 'text/vtt;charset=utf-8'),
    { ...same('a picture of any type', png(random, 1024), 'image/png'), sentAs: '*/*' },
  ]
}
