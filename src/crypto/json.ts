/**
 * Whether any object in a valid JSON text names a member twice. `JSON.parse` keeps the last one and other
 * parsers the first, so such a token would mean different things to different readers (RFC 7515, section 4).
 */
export const hasDuplicateKeys = (json: string): boolean => {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === '{') open.push(new Set())
    else if (char === '[') open.push(undefined)
    else if (char === '}' || char === ']') open.pop()
    else if (char === '"') {
      const start = at
      for (at++; json[at] !== '"'; at++) if (json[at] === '\\') at++
      const names = open.at(-1)
      if (!names || !/^\s*:/.test(json.slice(at + 1, at + 64))) continue
      const name = String(JSON.parse(json.slice(start, at + 1)))
      if (names.has(name)) return true
      names.add(name)
    }
  }
  return false
}
