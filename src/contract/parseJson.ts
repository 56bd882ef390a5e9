/** Deeper than any answer of the lexicons is, and not so deep that what walks through it runs out of stack. */
export const MAX_JSON_DEPTH = 200

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/** How deep lists and objects are nested in a text of JSON. Brackets in strings do not count. */
const depthOf = (text: string): number => {
  let [depth, deepest, inString] = [0, 0, false]
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inString) {
      if (char === '\\') i++
      else if (char === '"') inString = false
    } else if (char === '"') inString = true
    else if (char === '[' || char === '{') deepest = Math.max(deepest, ++depth)
    else if (char === ']' || char === '}') depth--
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
  if (depthOf(text) > MAX_JSON_DEPTH)
    return { notJson: `JSON that is nested more than ${MAX_JSON_DEPTH} levels deep, which is not read` }
  try {
    return { json: JSON.parse(text) }
  } catch {
    return { notJson: text === '' ? 'an empty body, which is not JSON' : 'a body that is not JSON' }
  }
}
