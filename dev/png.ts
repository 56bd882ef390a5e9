import { crc32, deflateSync } from 'node:zlib'

/** A valid PNG, different for each `seed`: a gradient with noise, so that it does not compress to almost nothing. */
export const png = (seed: number, width = 64, height = 48): Uint8Array => {
  const rows = Buffer.alloc(height * (1 + width * 3))
  const hue = [(seed * 53) & 255, (seed * 97 + 80) & 255, (seed * 31 + 160) & 255]
  let grain = seed * 2654435761 + 1
  for (let y = 0, at = 0; y < height; y++) {
    at++ // The row's filter: none.
    for (let x = 0; x < width; x++) {
      grain = (Math.imul(grain, 1664525) + 1013904223) >>> 0
      for (const [channel, base] of hue.entries()) {
        rows[at++] = (base + (channel === 0 ? x : y) * 2 + ((grain >>> (channel * 8)) & 31)) & 255
      }
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(rows)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  )
}

const chunk = (type: string, data: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}
