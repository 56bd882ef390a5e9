import { answers } from './areas/answers.ts'
import type { Area, Rule } from './types.ts'

/** Every part of the contract, in the order in which it is checked: reads first, what changes the account last. */
export const AREAS: readonly Area[] = []

/** Every rule, each once. */
export const RULES: readonly Rule[] = [...answers, ...AREAS.flatMap(({ rules }) => rules)]
