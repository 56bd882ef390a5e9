import type { Loaded } from '../load.ts'
import { banner } from './banner.ts'
import { emitDocuments } from './documents.ts'

/**
 * `lexicons.ts`: the documents themselves, for whatever makes or checks requests and answers. Descriptions are left out:
 * nothing reads them there, and they are a quarter of the size.
 */
export const emitLexicons = (loaded: Loaded[]): string =>
  banner('emit/lexicons.ts') +
  emitDocuments(
    'readSchemas',
    'Every lexicon document that this server knows, without descriptions.',
    loaded.map(({ document }) => document),
    ['description'],
  )
