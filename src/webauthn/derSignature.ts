const SEQUENCE = 0x30
const INTEGER = 0x02
const SCALAR_BYTES = 32

/**
 * An ECDSA signature over P-256 as the 64 bytes of r and s, from its DER form; undefined for what is not exactly that:
 * other lengths, numbers below zero or with zeros in front, bytes after it.
 */
export const readDerSignature = (der: Uint8Array): Uint8Array<ArrayBuffer> | undefined => {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined
  const raw = new Uint8Array(2 * SCALAR_BYTES)
  let offset = 2
  for (const end of [SCALAR_BYTES, 2 * SCALAR_BYTES]) {
    const [tag, length = 0, first = 0, second = 0] = der.subarray(offset, offset + 4)
    const start = offset + 2
    offset = start + length
    if (tag !== INTEGER || length === 0 || offset > der.length || first >= 0x80) return undefined
    const isPadded = length > 1 && first === 0
    if (isPadded && second < 0x80) return undefined
    const value = der.subarray(isPadded ? start + 1 : start, offset)
    if (value.length > SCALAR_BYTES) return undefined
    raw.set(value, end - value.length)
  }
  return offset === der.length ? raw : undefined
}
