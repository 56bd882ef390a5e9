import type { LexiconDoc } from '@atproto/lexicon'

const isText = (value: unknown): boolean => typeof value === 'string' || Array.isArray(value)

/** A value of a document without these keys, wherever they have a text or a list: a property of that name is kept. */
export const without = (keys: readonly string[], value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => without(keys, item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(keys.includes(key) && isText(inner)))
      .map(([key, inner]) => [key, without(keys, inner)]),
  )
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/**
 * A function that reads documents, without these keys. As text, which is parsed when it is needed: object literals of
 * this size would make every start of the Worker slower.
 */
export const emitDocuments = (
  name: string,
  comment: string,
  documents: LexiconDoc[],
  keys: readonly string[],
): string =>
  "import type { LexiconDoc } from '@atproto/lexicon'\n\n" +
  `/** ${comment} Each call parses them. */\n` +
  `export const ${name} = (): LexiconDoc[] =>\n` +
  '  [\n' +
  documents.map((document) => `    ${quoted(JSON.stringify(without(keys, document)))},\n`).join('') +
  '  ].map((document) => JSON.parse(document) as LexiconDoc)\n'
