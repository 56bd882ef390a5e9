import { readFileSync } from 'node:fs'
import { isValidLexiconDoc, lexiconDoc, type LexiconDoc } from '@atproto/lexicon'
import { files, lexiconRoot, under } from './files.ts'

/** A mistake in a lexicon document: the message names the file and the JSON path. */
export class LexiconError extends Error {
  constructor(file: string, jsonPath: string, problem: string) {
    super(`lexicons/${file}: ${jsonPath || '(document)'}: ${problem}`)
    this.name = 'LexiconError'
  }
}

/** A valid document, with its path below `lexicons/`. */
export interface Loaded {
  file: string
  document: LexiconDoc
}

type Issue = NonNullable<ReturnType<typeof lexiconDoc.safeParse>['error']>['issues'][number]

/**
 * The paths of the library's inner errors begin at the definition. Joins one to the outer path, without what they
 * share.
 */
const joinPaths = (outer: Issue['path'], inner: Issue['path']): Issue['path'] => {
  const shared = outer.findIndex((_, i) => outer.slice(i).every((key, j) => inner[j] === key))
  return [...outer.slice(0, shared < 0 ? outer.length : shared), ...inner]
}

/** Where several forms are allowed, the mistake is in the form that fits best: the one with the longest path. */
const deepest = (issue: Issue): Issue => {
  if (issue.code !== 'invalid_union') return issue
  const inner = issue.unionErrors.flatMap(({ issues }) => issues.map(deepest))
  const best = inner.reduce((a, b) => (b.path.length > a.path.length ? b : a), inner[0] ?? issue)
  return { ...best, path: joinPaths(issue.path, best.path) }
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
export function* references(value: unknown, jsonPath: string): Generator<[string, string]> {
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) yield* references(item, `${jsonPath}.${i}`)
  else if (typeof value === 'object' && value !== null)
    for (const [key, inner] of Object.entries(value)) {
      const innerPath = jsonPath ? `${jsonPath}.${key}` : key
      if (key === 'ref' && typeof inner === 'string') yield [innerPath, inner]
      else if (key === 'refs' && Array.isArray(inner))
        for (const [i, ref] of inner.entries()) yield [`${innerPath}.${i}`, String(ref)]
      else yield* references(inner, innerPath)
    }
}

/** What a reference in a document names, as `id#definition`. */
export const targetOf = (ref: string, document: LexiconDoc): string => {
  const [id, def = 'main'] = ref.replace(/^lex:/, '').split('#')
  return `${id || document.id}#${def}`
}

/** Throws at a `ref` to a document or a definition that does not exist. */
export function checkReferences(loaded: Loaded[]): void {
  const known = new Set(
    loaded.flatMap(({ document }) => Object.keys(document.defs).map((def) => targetOf(`#${def}`, document))),
  )
  for (const { file, document } of loaded)
    for (const [jsonPath, ref] of references(document.defs, 'defs')) {
      const target = targetOf(ref, document)
      if (!known.has(target))
        throw new LexiconError(file, jsonPath, `refers to ${target}, which no document defines`)
    }
}

/** Reads and validates all documents below `folder`, in the order of their paths. */
export function load(folder = lexiconRoot): Loaded[] {
  const loaded = files(folder, '.json').map((path) => {
    const file = under(folder, path)
    return { file, document: parse(file, readFileSync(path, 'utf8')) }
  })
  checkReferences(loaded)
  return loaded
}
