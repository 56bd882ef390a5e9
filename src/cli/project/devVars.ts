const LINE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)$/

const unquote = (value: string): string => {
  const quoted = /^(['"`])(.*)\1\s*(?:#.*)?$/.exec(value)
  if (quoted) return quoted[2] ?? ''
  return value.replace(/\s+#.*$/, '').trim()
}

/** Reads `.dev.vars` as wrangler does: NAME=value lines, with values in quotes where needed. */
export function parseDevVars(text: string): Record<string, string> {
  const found = text.split(/\r?\n/).map((line) => LINE.exec(line))
  return Object.fromEntries(found.flatMap((m) => (m?.[1] ? [[m[1], unquote(m[2] ?? '')]] : [])))
}

/**
 * A line of the file. The quotes are single, because between others the `$` of a password hash would begin a variable.
 */
const assignment = (name: string, value: string): string =>
  `${name}=${/^[\w.:/-]*$/.test(value) ? value : `'${value}'`}`

/** Sets these names in the text of `.dev.vars`. Every other line stays as it is, comments too. */
export function editDevVars(text: string, values: Readonly<Record<string, string>>): string {
  const remaining = new Map(Object.entries(values))
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const edited = lines.map((line) => {
    const name = LINE.exec(line)?.[1] ?? ''
    const value = remaining.get(name)
    if (value === undefined) return line
    remaining.delete(name)
    return assignment(name, value)
  })
  return `${[...edited, ...[...remaining].map(([name, value]) => assignment(name, value))].join('\n')}\n`
}

/** Removes these names from the text of `.dev.vars`. Every other line stays as it is. */
export const removeDevVars = (text: string, names: readonly string[]): string =>
  text
    .split('\n')
    .filter((line) => !names.includes(LINE.exec(line)?.[1] ?? ''))
    .join('\n')
