import type { Level, Profile, Rule } from './types.ts'

export const ALL_PROFILES: readonly Profile[] = ['source', 'target', 'daily']

/** Makes the rules of one area, whose name their ids begin with. `own`: the profiles of a rule that is not for all of them. */
export const createRule =
  (area: string, profiles: readonly Profile[] = ALL_PROFILES) =>
  (id: string, level: Level, sentence: string, source: string, own = profiles): Rule => ({
    id: `${area}.${id}`,
    level,
    sentence,
    source,
    profiles: own,
  })
