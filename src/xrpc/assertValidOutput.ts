import { Lexicons } from '@atproto/lexicon'
import { readSchemas } from '../generated/lexicons.ts'
import type { MethodId } from '../generated/methods.ts'

let compiled: Lexicons | undefined

/** Throws what is wrong with an output by its lexicon. For tests and development: a deployed Worker has no answers' schemas. */
export const assertValidOutput = (id: MethodId, output: unknown): void => {
  compiled ??= new Lexicons(readSchemas())
  compiled.assertValidXrpcOutput(id, output)
}
