import { decodeWhole } from '../../streams/decodeWhole.ts'
import { MAX_VIEW_BYTES, type ViewBody } from '../../viewPlan.ts'

/** Each costs some ten bytes of memory, in an object that has 128 MB. A feed of 100 posts has 20,000. */
const MAX_VALUES = 500_000

/** Whether there are not too many values in a text. Those in strings count too, where they are rare. */
const isSmall = (bytes: Uint8Array): boolean => {
  let values = 0
  for (const byte of bytes) {
    // What stands before a value: `[`, `{` or a comma.
    if ((byte === 0x5b || byte === 0x7b || byte === 0x2c) && ++values > MAX_VALUES) return false
  }
  return true
}

/** The JSON in a body; undefined for what is not JSON, too large or in a coding that is not known here. */
export const readBody = (body: ViewBody): unknown => {
  try {
    const bytes = decodeWhole(body.bytes, body.encoding, MAX_VIEW_BYTES)
    if (!bytes || !isSmall(bytes)) return undefined
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    )
    return value
  } catch {
    return undefined
  }
}
