/** Requests made from random documents, judged by @atproto/lexicon: what is called valid is, and what is called wrong. */
import { jsonToLex, parseLexiconDoc } from '@atproto/lexicon'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Query } from '../../../src/contract/ask.ts'
import { createSampler, NoValue } from '../../../src/contract/lexicon/createSampler.ts'
import { createViolator } from '../../../src/contract/lexicon/createViolator.ts'
import { createLexiconSet, type Method, type Schema } from '../../../src/contract/lexicon/lexiconSet.ts'
import { FIRST_SEED, LONG } from '../../support/scale.ts'
import { randomLexicon } from './randomLexicons.ts'

const RUNS = LONG ? 20_000 : 2000

/** What the parameters of a URL are, by their types: as the specification has it, and no more lenient. */
const decoded = (method: Method, query: Query): Record<string, unknown> => {
  const one = ({ type }: Schema, value: string): unknown => {
    if (type === 'integer') return /^-?\d+$/.test(value) ? Number(value) : value
    if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
    return value
  }
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const schema = method.params[name] ?? { type: 'string' }
      if (schema.type !== 'array') return [name, one(schema, String(value))]
      return [name, (Array.isArray(value) ? value : [value]).map((item) => one(schema.items ?? schema, item))]
    }),
  )
}

it('makes no valid request that the lexicon refuses, and calls none wrong that it allows', () => {
  const made = { queries: 0, bodies: 0, badQueries: 0, badBodies: 0, impossible: 0 }
  const property = fc.property(randomLexicon, (document) => {
    parseLexiconDoc(structuredClone(document))
    const set = createLexiconSet([document])
    const [method] = set.methods
    if (!method?.input?.schema || !method.output?.schema) throw new Error('no method')
    const { lexicons } = set
    const sampler = createSampler(set)
    const violator = createViolator(set)
    const takesQuery = (query: Query) => lexicons.assertValidXrpcParams(method.id, decoded(method, query))
    const takesInput = (value: unknown) =>
      lexicons.assertValidXrpcInput(method.id, jsonToLex(value as Parameters<typeof jsonToLex>[0]))
    const takesOutput = (value: unknown) =>
      lexicons.assertValidXrpcOutput(method.id, jsonToLex(value as Parameters<typeof jsonToLex>[0]))
    const attempt = (kind: 'queries' | 'bodies', work: () => void): void => {
      try {
        work()
        made[kind] += 1
      } catch (cause) {
        if (!(cause instanceof NoValue)) throw cause
        made.impossible += 1
      }
    }
    attempt('queries', () => {
      takesQuery(sampler.query(method))
      for (const { name, value } of violator.queries(method)) {
        made.badQueries += 1
        expect(() => takesQuery(value), `${name} ${JSON.stringify(value)}`).toThrow()
      }
    })
    attempt('bodies', () => takesInput(sampler.value(method.input?.schema as Schema)))
    attempt('bodies', () => takesOutput(sampler.value(method.output?.schema as Schema, undefined, 3)))
    for (const { name, value } of violator.values(method.input.schema as Schema)) {
      made.badBodies += 1
      expect(() => takesInput(value), `${name} ${JSON.stringify(value)}`).toThrow()
    }
  })
  fc.assert(property, { seed: FIRST_SEED, numRuns: RUNS })
  // Most of the documents can be satisfied, and each gives many mistakes.
  expect(made.queries).toBeGreaterThan(RUNS / 3)
  expect(made.bodies).toBeGreaterThan(RUNS / 3)
  expect(made.badQueries).toBeGreaterThan(RUNS)
  expect(made.badBodies).toBeGreaterThan(RUNS * 3)
})
