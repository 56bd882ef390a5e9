/** Reads and validates the lexicon documents; every error names the file and the JSON path. */
import { readFileSync } from 'node:fs'
import { isValidLexiconDoc, lexiconDoc, type LexiconDoc } from '@atproto/lexicon'
import { files, lexiconRoot, under } from './files.ts'

export class LexiconError extends Error {
  constructor(file: string, where: string, problem: string) {
    super(`lexicons/${file}: ${where || '(document)'}: ${problem}`)
    this.name = 'LexiconError'
  }
}

export interface Loaded {
  file: string
  document: LexiconDoc
}

type Issue = NonNullable<ReturnType<typeof lexiconDoc.safeParse>['error']>['issues'][number]

/** The library's inner errors say where they are from the definition on: puts them below the outer path. */
const below = (outer: Issue['path'], inner: Issue['path']): Issue['path'] => {
  const shared = outer.findIndex((_, i) => outer.slice(i).every((part, j) => inner[j] === part))
  return [...outer.slice(0, shared < 0 ? outer.length : shared), ...inner]
}

/** Where several forms are allowed, the mistake is in the form that fits best: the one read furthest. */
const deepest = (issue: Issue): Issue => {
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.unionErrors.flatMap(({ issues }) => issues.map(deepest))
  const best = inner.reduce((a, b) => (b.path.length > a.path.length ? b : a), inner[0] ?? issue)
  return { ...best, path: below(issue.path, best.path) }
}

const parse = (file: string, text: string): LexiconDoc => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new LexiconError(file, '', `not JSON: ${String(cause).replace(/\s+/g, ' ')}`)
  }
  const result = lexiconDoc.safeParse(json)
  if (!result.success) {
    const issue = result.error.issues.map(deepest)[0]
    throw new LexiconError(file, issue?.path.join('.') ?? '', issue?.message ?? 'not a lexicon document')
  }
  if (!isValidLexiconDoc(json)) throw new LexiconError(file, '', 'not a lexicon document')
  const expected = file.replace(/\.json$/, '').replaceAll('/', '.')
  if (json.id !== expected)
    throw new LexiconError(file, 'id', `is "${json.id}", but the path says "${expected}"`)
  return json
}

/** Each reference in a document as [JSON path, target]. */
function* references(value: unknown, where: string): Generator<[string, string]> {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* references(item, `${where}.${i}`)
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      const at = where ? `${where}.${key}` : key
      if (key === 'ref' && typeof inner === 'string') yield [at, inner]
      else if (key === 'refs' && Array.isArray(inner))
        for (const [i, ref] of inner.entries()) yield [`${at}.${i}`, String(ref)]
      else yield* references(inner, at)
    }
}

/** Refuses a `ref` to a document or definition that is not there. */
export function checkReferences(loaded: Loaded[]): void {
  const known = new Set(
    loaded.flatMap(({ document }) => Object.keys(document.defs).map((def) => `${document.id}#${def}`)),
  )
  for (const { file, document } of loaded)
    for (const [where, ref] of references(document.defs, 'defs')) {
      const [id, def = 'main'] = ref.replace(/^lex:/, '').split('#')
      const target = `${id || document.id}#${def}`
      if (!known.has(target))
        throw new LexiconError(file, where, `refers to ${target}, which no document defines`)
    }
}

/** All documents below `folder`, in the order of their paths. */
export function load(folder = lexiconRoot): Loaded[] {
  const loaded = files(folder, '.json').map((path) => {
    const file = under(folder, path)
    return { file, document: parse(file, readFileSync(path, 'utf8')) }
  })
  checkReferences(loaded)
  return loaded
}
