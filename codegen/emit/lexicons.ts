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

/**
 * `lexicons.ts`: the documents themselves, for validation at run time. Descriptions are left out: nothing reads them
 * there, and they are a quarter of the size.
 */
export const emitLexicons = (loaded: Loaded[]): string =>
  banner('emit/lexicons.ts') +
  "import type { LexiconDoc } from '@atproto/lexicon'\n\n" +
  '/** Every lexicon document that this server knows, without descriptions. */\n' +
  'export const schemas: LexiconDoc[] = [\n' +
  loaded.map(({ document }) => `  ${JSON.stringify(withoutDescriptions(document))},\n`).join('') +
  ']\n'
