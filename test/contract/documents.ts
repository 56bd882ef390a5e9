import type { LexiconDoc } from '@atproto/lexicon'

/**
 * Every document that a Cirrus serves or refers to, as `pds-contract` has them: with the descriptions, which say who may
 * call a method. Those that the Worker has are without.
 */
export const documents = Object.values(
  import.meta.glob<LexiconDoc>('../../lexicons/**/*.json', { eager: true, import: 'default' }),
)
