import type { LexiconDoc } from '@atproto/lexicon'
import * as fc from 'fast-check'

const FORMATS = [
  'at-identifier',
  'at-uri',
  'cid',
  'datetime',
  'did',
  'handle',
  'language',
  'nsid',
  'record-key',
  'tid',
  'uri',
] as const

const NAMES = ['a', 'b', 'repo', 'did', 'limit', 'cursor', 'cid']
const ID = 'com.example.random'
/** Definitions that everything may refer to, themselves too. */
const DEFS = ['one', 'two', 'three', 'token']

/** Only those of the members that came out. */
const some = (members: Record<string, fc.Arbitrary<unknown>>) => fc.record(members, { requiredKeys: [] })
const small = fc.integer({ min: 0, max: 12 })
/** The library takes a choice that begins with `#` for a reference. */
const word = fc.string({ maxLength: 6 }).filter((chosen) => !chosen.startsWith('#'))

const text = fc
  .oneof(
    some({
      minLength: small,
      maxLength: small,
      minGraphemes: small,
      maxGraphemes: small,
      knownValues: fc.array(word, { maxLength: 2 }),
      default: word,
    }),
    some({ format: fc.constantFrom(...FORMATS), maxLength: fc.integer({ min: 0, max: 100 }) }),
    some({ enum: fc.array(word, { minLength: 1, maxLength: 3 }), maxLength: small }),
    some({ const: word, minLength: small }),
  )
  .map((members) => ({ type: 'string', ...members }))

const integer = some({
  minimum: fc.integer({ min: -20, max: 20 }),
  maximum: fc.integer({ min: -20, max: 20 }),
  default: fc.integer({ min: -30, max: 30 }),
  enum: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 3 }),
}).map((members) => ({ type: 'integer', ...members }))

const boolean = fc
  .oneof(some({ default: fc.boolean() }), some({ const: fc.boolean() }))
  .map((members) => ({ type: 'boolean', ...members }))

const primitive = fc.oneof(text, integer, boolean)
const ref = fc.constantFrom(...DEFS.slice(0, 3)).map((name) => ({ type: 'ref', ref: `#${name}` }))
const union = fc
  .record({
    refs: fc.uniqueArray(fc.constantFrom(...DEFS), { minLength: 1 }),
    closed: fc.boolean(),
  })
  .map(({ refs, closed }) => ({
    type: 'union',
    refs: refs.map((name) => `#${name}`),
    ...(closed ? { closed } : {}),
  }))

const leaf = fc.oneof(
  { weight: 4, arbitrary: primitive },
  { weight: 2, arbitrary: ref },
  { weight: 1, arbitrary: union },
  { weight: 1, arbitrary: fc.constant({ type: 'cid-link' }) },
  { weight: 1, arbitrary: fc.constant({ type: 'unknown' }) },
  { weight: 1, arbitrary: fc.constant({ type: 'blob' }) },
  {
    weight: 1,
    arbitrary: some({ minLength: small, maxLength: small }).map((members) => ({ type: 'bytes', ...members })),
  },
)

const list = (items: fc.Arbitrary<unknown>) =>
  fc
    .tuple(
      some({ minLength: fc.integer({ min: 0, max: 3 }), maxLength: fc.integer({ min: 0, max: 4 }) }),
      items,
    )
    .map(([members, inner]) => ({ type: 'array', items: inner, ...members }))

const member = fc.oneof({ weight: 4, arbitrary: leaf }, { weight: 1, arbitrary: list(leaf) })

const object = fc
  .dictionary(fc.constantFrom(...NAMES), member, { maxKeys: 4, noNullPrototype: true })
  .chain((properties) => {
    const names = Object.keys(properties)
    return fc
      .tuple(fc.subarray(names), fc.subarray(names))
      .map(([required, nullable]) => ({ type: 'object', properties, required, nullable }))
  })

const params = fc
  .dictionary(fc.constantFrom(...NAMES), fc.oneof(primitive, list(primitive)), {
    maxKeys: 4,
    noNullPrototype: true,
  })
  .chain((properties) =>
    fc.subarray(Object.keys(properties)).map((required) => ({ type: 'params', properties, required })),
  )

/** A document with a procedure that has parameters, a body and an answer, all at random. */
export const randomLexicon = fc
  .record({
    parameters: params,
    input: object,
    output: object,
    one: object,
    two: fc.oneof(object, list(leaf)),
    three: primitive,
  })
  .map(({ parameters, input, output, one, two, three }) => {
    const document = {
      lexicon: 1,
      id: ID,
      defs: {
        main: {
          type: 'procedure',
          parameters,
          input: { encoding: 'application/json', schema: input },
          output: { encoding: 'application/json', schema: output },
        },
        one,
        two,
        three,
        token: { type: 'token' },
      },
    }
    // Made at random: whether it is a document, the library says.
    return document as unknown as LexiconDoc
  })
