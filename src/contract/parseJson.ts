/** Deeper than any answer of the lexicons is, and not so deep that what walks through it runs out of stack. */
export const MAX_JSON_DEPTH = 200

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

const [QUOTE, BACKSLASH, LIST, LIST_END, OBJECT, OBJECT_END] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]

/** How deep lists and objects are nested in JSON. Brackets in strings do not count. */
const depthOf = (bytes: Uint8Array): number => {
  let [depth, deepest, inString] = [0, 0, false]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === QUOTE) inString = !inString
    else if (inString) i += byte === BACKSLASH ? 1 : 0
    else if (byte === LIST || byte === OBJECT) deepest = Math.max(deepest, ++depth)
    else if (byte === LIST_END || byte === OBJECT_END) depth--
  }
  return deepest
}

/** A body that is said to be JSON, or why it is not. */
export function parseJson(bytes: Uint8Array): { json?: unknown; notJson?: string } {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return { notJson: 'a body that is not UTF-8, as JSON is' }
  }
  if (depthOf(bytes) > MAX_JSON_DEPTH)
    return { notJson: `JSON that is nested more than ${MAX_JSON_DEPTH} levels deep, which is not read` }
  try {
    return { json: JSON.parse(text) }
  } catch {
    return { notJson: text === '' ? 'an empty body, which is not JSON' : 'a body that is not JSON' }
  }
}
