import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { parseLexiconDoc, type LexiconDoc } from '@atproto/lexicon'
import { isObject } from '../../isObject.ts'

/** Documents that can not be used. The message names each file and says what is wrong with it. */
export class BadLexicons extends Error {}

/** No document is so large; what is, is not read. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
const MAX_SHOWN = 20

/** The first issue of the library's error, with the place in the document. */
function issueOf(cause: unknown): string {
  const issues: unknown = Object(cause).issues
  const first: unknown = Array.isArray(issues) ? issues[0] : undefined
  if (!isObject(first)) return cause instanceof Error ? cause.message : String(cause)
  const path = Array.isArray(first['path']) ? first['path'].join('.') : ''
  return `${path === '' ? '' : `${path}: `}${String(first['message'])}`
}

function parse(text: string): LexiconDoc {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new Error(`it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  if (!isObject(value)) throw new Error('it is not an object')
  if (value['lexicon'] !== 1) throw new Error(`lexicon: expected 1, not ${JSON.stringify(value['lexicon'])}`)
  try {
    return parseLexiconDoc(value)
  } catch (cause) {
    throw new Error(`it is not a lexicon document: ${issueOf(cause)}`, { cause })
  }
}

/** Every reference of a document, with the place where it stands. */
function* references(value: unknown, place: string): Generator<{ place: string; ref: string }> {
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* references(item, `${place}.${index}`)
  if (!isObject(value)) return
  if (value['type'] === 'ref' && typeof value['ref'] === 'string')
    yield { place: `${place}.ref`, ref: value['ref'] }
  if (value['type'] === 'union' && Array.isArray(value['refs']))
    for (const ref of value['refs']) yield { place: `${place}.refs`, ref: String(ref) }
  for (const [key, member] of Object.entries(value)) yield* references(member, `${place}.${key}`)
}

/** `#thing` in com.example.a -> com.example.a#thing; com.example.a -> com.example.a#main. */
const whole = (ref: string, id: string): string => {
  const absolute = ref.startsWith('#') ? `${id}${ref}` : ref.replace(/^lex:/, '')
  return absolute.includes('#') ? absolute : `${absolute}#main`
}

/**
 * Reads every lexicon document of a folder and its subfolders, in order of path. What they refer to must be in one of them
 * or in `besides`. Where both have a document, the folder's replaces the other. Throws `BadLexicons`.
 */
export async function readLexiconFolder(
  folder: string,
  besides: readonly LexiconDoc[] = [],
): Promise<LexiconDoc[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new BadLexicons(
      `${folder} can not be read as a folder: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  })
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  if (files.length === 0) throw new BadLexicons(`${folder} has no .json files: expected lexicon documents`)
  const problems: string[] = []
  const documents = new Map<string, { file: string; document: LexiconDoc }>()
  for (const file of files) {
    const name = relative(folder, file)
    try {
      const bytes = await readFile(file)
      if (bytes.length > MAX_DOCUMENT_BYTES)
        throw new Error(`it has ${bytes.length} bytes; a document has at most ${MAX_DOCUMENT_BYTES}`)
      const document = parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes))
      const twin = documents.get(document.id)
      if (twin) throw new Error(`id: ${document.id} is also the id of ${twin.file}`)
      documents.set(document.id, { file: name, document })
    } catch (cause) {
      problems.push(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  }
  const read = [...documents.values()]
  const defined = new Set(
    [...besides, ...read.map(({ document }) => document)].flatMap(({ id, defs }) =>
      Object.keys(defs).map((name) => `${id}#${name}`),
    ),
  )
  // A file that could not be read may have what is missed: say the first mistake first.
  if (problems.length === 0)
    for (const { file, document } of read)
      for (const { place, ref } of references(document.defs, 'defs'))
        if (!defined.has(whole(ref, document.id)))
          problems.push(`${file}: ${place}: ${ref} is not in any document`)
  if (problems.length > 0) {
    const more = problems.length > MAX_SHOWN ? [`and ${problems.length - MAX_SHOWN} more`] : []
    throw new BadLexicons([`${folder}:`, ...problems.slice(0, MAX_SHOWN), ...more].join('\n  '))
  }
  return read.map(({ document }) => document)
}
