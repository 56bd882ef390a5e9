import { createSampler } from '../../src/contract/lexicon/createSampler.ts'
import { createViolator } from '../../src/contract/lexicon/createViolator.ts'
import { createLexiconSet, type Method } from '../../src/contract/lexicon/lexiconSet.ts'
import { documents } from './documents.ts'

/** Every document that a Cirrus serves or refers to, as the suite has it. */
export const lexiconSet = createLexiconSet(documents)
export const { lexicons, methods } = lexiconSet
export const sampler = createSampler(lexiconSet)
export const violator = createViolator(lexiconSet)

export const methodById = (id: string): Method => {
  const method = lexiconSet.method(id)
  if (!method) throw new Error(`no document for ${id}`)
  return method
}
