/** `.dev.vars`, read and written as wrangler reads it: NAME=value lines, values in quotes where needed. */

const LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/

const unquote = (value: string): string => {
  const quoted = /^(['"`])(.*)\1\s*(?:#.*)?$/.exec(value)
  if (quoted) return quoted[2] ?? ''
  return value.replace(/\s+#.*$/, '').trim()
}

export function parseDevVars(text: string): Record<string, string> {
  const found = text.split(/\r?\n/).map((line) => LINE.exec(line))
  return Object.fromEntries(found.flatMap((m) => (m?.[1] ? [[m[1], unquote(m[2] ?? '')]] : [])))
}

/** Single quotes, so that nothing takes the `$` of a password hash for a variable. */
const assignment = (name: string, value: string): string =>
  `${name}=${/^[\w.:/-]*$/.test(value) ? value : `'${value}'`}`

/** Sets these names, and leaves every other line, comments too, as it is. */
export function editDevVars(text: string, values: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(values))
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const edited = lines.map((line) => {
    const name = LINE.exec(line)?.[1] ?? ''
    const value = left.get(name)
    if (value === undefined) return line
    left.delete(name)
    return assignment(name, value)
  })
  return `${[...edited, ...[...left].map(([name, value]) => assignment(name, value))].join('\n')}\n`
}
