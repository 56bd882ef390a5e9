import * as fc from 'fast-check'
import { filetypemime } from 'magic-bytes.js'
import { expect, test } from 'vitest'
import { fileTypes } from '../../../src/account/blobs/fileTypes.ts'
import { SIGNATURES } from '../../../src/generated/signatures.ts'

const signatures = SIGNATURES.split('\n').map((line) => {
  const [offset = '', bytes = '', ...types] = line.split('\t')
  return { offset: Number(offset), bytes: bytes.match(/../g) ?? [], types }
})

const ofLibrary = (head: Uint8Array): string[] => [...new Set(filetypemime([...head]))]

/** A head with the signature, and any bytes where it says nothing. */
const headWith = (
  { offset, bytes }: (typeof signatures)[number],
  filler: (i: number) => number,
): Uint8Array => {
  const head = Uint8Array.from({ length: offset + bytes.length + 8 }, (_, i) => filler(i))
  for (const [i, byte] of bytes.entries()) if (byte !== '??') head[offset + i] = Number.parseInt(byte, 16)
  return head
}

test('there are signatures at several offsets, most of them with a type', () => {
  expect(new Set(signatures.map(({ offset }) => offset)).size).toBeGreaterThan(3)
  expect(signatures.filter(({ types }) => types.length > 0).length).toBeGreaterThan(80)
})

test('files are told by each signature as the library tells them, whatever is around it', () => {
  for (const signature of signatures)
    for (const filler of [() => 0, () => 255, (i: number) => (i * 37 + 11) % 256]) {
      const head = headWith(signature, filler)
      for (const part of [head, head.subarray(0, -8), head.subarray(0, -9)])
        expect(fileTypes(part)).toEqual(ofLibrary(part))
    }
})

test('and so are files that begin in other ways', () => {
  const anyByte = fc.integer({ min: 0, max: 255 })
  const nearly = fc
    .tuple(fc.constantFrom(...signatures), fc.infiniteStream(anyByte), fc.nat(40), anyByte)
    .map(([signature, filler, at, byte]) => {
      const head = headWith(signature, () => Number(filler.next().value))
      head[at % head.length] = byte
      return head
    })
  fc.assert(
    fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 40 })), (head) => {
      expect(fileTypes(head)).toEqual(ofLibrary(head))
    }),
    { numRuns: 3000 },
  )
})
