/**
 * Whether any object in a valid JSON text has two members of one name. `JSON.parse` keeps the last one and other
 * parsers the first, so such a token would mean different things to different readers (RFC 7515, section 4).
 * Where a name begins follows from what came before it, so white space of any length makes no difference.
 */
export const hasDuplicateKeys = (json: string): boolean => {
  /** For each object or array that is open: the names so far; undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  // Whether the next string is a name: after `{`, and after `,` in an object.
  let isNameNext = false
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case '{':
        open.push(new Set())
        isNameNext = true
        break
      case '[':
        open.push(undefined)
        isNameNext = false
        break
      case '}':
      case ']':
        open.pop()
        isNameNext = false
        break
      case ',':
        isNameNext = open.at(-1) !== undefined
        break
      case '"': {
        const start = i
        for (i++; i < json.length && json[i] !== '"'; i++) if (json[i] === '\\') i++
        if (!isNameNext) break
        isNameNext = false
        const name = String(JSON.parse(json.slice(start, i + 1)))
        const names = open.at(-1)
        if (names?.has(name)) return true
        names?.add(name)
        break
      }
      default:
        // White space, a colon, or a part of a number or a word.
        break
    }
  }
  return false
}
