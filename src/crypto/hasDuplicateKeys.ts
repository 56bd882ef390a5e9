/**
 * Whether any object in a valid JSON text has two members of one name. `JSON.parse` keeps the last one and other
 * parsers the first, so such a token would mean different things to different readers (RFC 7515, section 4).
 */
export const hasDuplicateKeys = (json: string): boolean => {
  const open: (Set<string> | undefined)[] = []
  for (let i = 0; i < json.length; i++) {
    const char = json[i]
    if (char === '{') open.push(new Set())
    else if (char === '[') open.push(undefined)
    else if (char === '}' || char === ']') open.pop()
    else if (char === '"') {
      const start = i
      for (i++; json[i] !== '"'; i++) if (json[i] === '\\') i++
      const names = open.at(-1)
      if (!names || !/^\s*:/.test(json.slice(i + 1, i + 64))) continue
      const name = String(JSON.parse(json.slice(start, i + 1)))
      if (names.has(name)) return true
      names.add(name)
    }
  }
  return false
}
