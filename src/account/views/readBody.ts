import { decodeWhole } from '../../streams/decodeWhole.ts'
import { MAX_VIEW_BYTES, type ViewBody } from '../../viewPlan.ts'

/** Each costs some ten bytes of memory, in an object that has 128 MB. A feed of 100 posts has 20,000. */
const MAX_VALUES = 500_000

/** How deep values may be nested: a thread of 1,000 replies has two levels for each, and writing a value down costs the square of its depth. */
const MAX_DEPTH = 2200

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c]
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Whether a JSON text has not too many values, and none too deep. It need not be well-formed. */
const isSmall = (bytes: Uint8Array): boolean => {
  let [values, depth] = [0, 0]
  let inString = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === COMMA) values++
    else if (byte === ARRAY || byte === OBJECT) {
      values++
      depth++
    } else if (byte === ARRAY_END || byte === OBJECT_END) depth--
    if (values > MAX_VALUES || depth > MAX_DEPTH) return false
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
