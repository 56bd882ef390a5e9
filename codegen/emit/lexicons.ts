import type { Loaded } from '../load.ts'
import { banner } from './banner.ts'

const withoutDescriptions = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutDescriptions)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(key === 'description' && typeof inner === 'string'))
      .map(([key, inner]) => [key, withoutDescriptions(inner)]),
  )
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/**
 * `lexicons.ts`: the documents themselves, for validation at run time. Descriptions are left out: nothing reads them
 * there, and they are a quarter of the size. As text, which is parsed when it is needed: object literals of this size
 * would make every start of the Worker slower.
 */
export const emitLexicons = (loaded: Loaded[]): string =>
  banner('emit/lexicons.ts') +
  "import type { LexiconDoc } from '@atproto/lexicon'\n\n" +
  '/** Every lexicon document that this server knows, without descriptions. Each call parses them. */\n' +
  'export const readSchemas = (): LexiconDoc[] =>\n' +
  '  [\n' +
  loaded.map(({ document }) => `    ${quoted(JSON.stringify(withoutDescriptions(document)))},\n`).join('') +
  '  ].map((document) => JSON.parse(document) as LexiconDoc)\n'
