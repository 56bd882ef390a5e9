import { isObject, type JsonObject } from '../../isObject.ts'
import { type Answer, inWords } from '../ask.ts'
import type { Problem } from '../types.ts'
import { mustBeJudged } from './methods/refusals.ts'

/** The members of an answer. None where it is not an object. */
export const fieldsOf = ({ json }: Pick<Answer, 'json'>): JsonObject => (isObject(json) ? json : {})

/** What is wrong with an answer that should be 200. */
export const notDone = (answer: Answer): Problem => {
  mustBeJudged(answer)
  return answer.status === 200 ? undefined : inWords(answer)
}
