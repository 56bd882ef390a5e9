import { isObject } from '../../isObject.ts'
import type { Query } from '../ask.ts'
import { NOWHERE, type Known } from '../discover.ts'
import { createSampler, NoValue, typeOf } from './createSampler.ts'
import type { LexiconSet, Method, Schema } from './lexiconSet.ts'

/** What a mistake is about. missing: something required. bounds: a number, a length, or a choice. */
export type Mistake = 'missing' | 'type' | 'format' | 'bounds'

export interface Violation<Value> {
  /** Where, and what stands there: `limit: above the maximum`. */
  readonly name: string
  readonly mistake: Mistake
  readonly value: Value
}

/** Makes values that are valid but for one mistake. */
export interface Violator {
  /** At any depth that a valid value reaches. */
  values(schema: Schema, known?: Known): Generator<Violation<unknown>>
  /** The parameters of a method with one mistake, that no reading of a URL makes good. */
  queries(method: Method, known?: Known): Generator<Violation<Query>>
}

/** No format accepts this, and neither does a lenient parser. */
const NO_FORMAT = 'not valid !'
const NO_CHOICE = 'none-of-these'
const KNOWN_FORMATS = new Set(
  'at-identifier at-uri cid datetime did handle language nsid record-key tid uri'.split(' '),
)
/** Longer texts meet other limits first: of a URL, of a body. */
const MAX_TEXT = 16_384
const MAX_ITEMS = 200
/** As deep as bodies of real methods go. */
const MAX_DEPTH = 6

function* stringViolations(schema: Schema): Generator<Violation<unknown>> {
  const { format, maxLength, maxGraphemes, minLength = 0, minGraphemes = 0 } = schema
  yield { name: 'a number', mistake: 'type', value: 42 }
  if (format !== undefined && KNOWN_FORMATS.has(format))
    yield { name: `not a ${format}`, mistake: 'format', value: NO_FORMAT }
  else if (schema.const !== undefined || schema.enum) {
    if (schema.const !== NO_CHOICE && !schema.enum?.includes(NO_CHOICE))
      yield { name: 'not one of the choices', mistake: 'bounds', value: NO_CHOICE }
  } else if (minLength > 0 || minGraphemes > 0) yield { name: 'too short', mistake: 'bounds', value: '' }
  const longest = Math.min(maxLength ?? Infinity, maxGraphemes ?? Infinity)
  if (longest < MAX_TEXT && format === undefined)
    yield { name: 'too long', mistake: 'bounds', value: 'x'.repeat(longest + 1) }
}

function* integerViolations({ minimum, maximum }: Schema): Generator<Violation<unknown>> {
  yield { name: 'a word', mistake: 'type', value: 'abc' }
  yield { name: 'a fraction', mistake: 'type', value: 1.5 }
  // Beyond, numbers of JSON are not exact.
  if (minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER)
    yield { name: 'below the minimum', mistake: 'bounds', value: Math.ceil(minimum) - 1 }
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    yield { name: 'above the maximum', mistake: 'bounds', value: Math.floor(maximum) + 1 }
}

function* bytesViolations({ minLength = 0, maxLength }: Schema): Generator<Violation<unknown>> {
  yield { name: 'a text', mistake: 'type', value: 'text' }
  if (minLength > 0) yield { name: 'too short', mistake: 'bounds', value: { $bytes: '' } }
  if (maxLength !== undefined && maxLength < MAX_TEXT)
    yield {
      name: 'too long',
      mistake: 'bounds',
      value: { $bytes: btoa('\u0001'.repeat(maxLength + 1)).replaceAll('=', '') },
    }
}

const hasDefault = (schema: Schema, set: Pick<LexiconSet, 'resolve'>): boolean =>
  schema.type === 'ref'
    ? set.resolve(schema.ref ?? '').default !== undefined
    : 'default' in schema && schema.default !== undefined

export function createViolator(set: Pick<LexiconSet, 'resolve'>): Violator {
  const sampler = createSampler(set)

  function* objects(schema: Schema, known: Known, depth: number): Generator<Violation<unknown>> {
    const base = Object(sampler.value(schema, known))
    yield { name: 'a text', mistake: 'type', value: 'text' }
    for (const name of schema.required ?? []) {
      const inner = schema.properties?.[name]
      // What has a default may be left out, whatever the document says besides.
      if (!inner || hasDefault(inner, set)) continue
      const { [name]: _, ...rest }: Record<string, unknown> = base
      yield { name: `${name}: missing`, mistake: 'missing', value: rest }
    }
    for (const [key, inner] of Object.entries(schema.properties ?? {}))
      for (const { name, mistake, value } of any(inner, known, depth + 1))
        yield { name: `${key}: ${name}`, mistake, value: { ...base, [key]: value } }
  }

  function* arrays(schema: Schema, known: Known, depth: number): Generator<Violation<unknown>> {
    const { items, minLength = 0, maxLength } = schema
    yield { name: 'not a list', mistake: 'type', value: {} }
    if (minLength > 0) yield { name: 'too few items', mistake: 'bounds', value: [] }
    if (!items) return
    if (maxLength !== undefined && maxLength < MAX_ITEMS)
      yield {
        name: 'too many items',
        mistake: 'bounds',
        value: Array.from({ length: maxLength + 1 }, () => sampler.value(items, known)),
      }
    if (minLength > MAX_ITEMS) return
    const rest = Array.from({ length: Math.max(0, minLength - 1) }, () => sampler.value(items, known))
    for (const { name, mistake, value } of any(items, known, depth + 1))
      yield { name: `[0]: ${name}`, mistake, value: [value, ...rest] }
  }

  function* unions(schema: Schema, known: Known, depth: number): Generator<Violation<unknown>> {
    yield { name: 'without a $type', mistake: 'missing', value: {} }
    if (!schema.closed) return
    yield { name: 'of another $type', mistake: 'bounds', value: { $type: 'com.example.unknown' } }
    for (const ref of schema.refs ?? []) {
      if (set.resolve(ref).type !== 'object') continue
      for (const { name, mistake, value } of any(set.resolve(ref), known, depth + 1))
        if (isObject(value))
          yield {
            name: `${ref.split('#')[1] ?? typeOf(ref)}: ${name}`,
            mistake,
            value: { ...value, $type: typeOf(ref) },
          }
    }
  }

  function* any(schema: Schema, known: Known, depth: number): Generator<Violation<unknown>> {
    if (depth > MAX_DEPTH) return
    try {
      if (schema.type === 'string') yield* stringViolations(schema)
      else if (schema.type === 'integer') yield* integerViolations(schema)
      else if (schema.type === 'boolean') yield { name: 'a word', mistake: 'type', value: 'maybe' }
      else if (schema.type === 'bytes') yield* bytesViolations(schema)
      else if (schema.type === 'cid-link') yield { name: 'a text', mistake: 'type', value: 'text' }
      else if (schema.type === 'blob') yield { name: 'not a blob', mistake: 'type', value: {} }
      else if (schema.type === 'unknown') yield { name: 'a text', mistake: 'type', value: 'text' }
      else if (schema.type === 'object') yield* objects(schema, known, depth)
      else if (schema.type === 'array') yield* arrays(schema, known, depth)
      else if (schema.type === 'union') yield* unions(schema, known, depth)
      else if (schema.type === 'ref') yield* any(set.resolve(schema.ref ?? ''), known, depth + 1)
    } catch (cause) {
      // Around a member that nothing satisfies there is no value with a single mistake.
      if (!(cause instanceof NoValue)) throw cause
    }
  }

  return {
    values: (schema, known = NOWHERE) => any(schema, known, 0),
    *queries(method, known = NOWHERE) {
      const valid = sampler.query(method, known)
      for (const name of method.required) {
        const schema = method.params[name]
        if (!schema || hasDefault(schema, set)) continue
        const { [name]: _, ...rest } = valid
        yield { name: `${name}: missing`, mistake: 'missing', value: rest }
      }
      for (const [key, schema] of Object.entries(method.params)) {
        const isList = schema.type === 'array'
        const inner: Schema = schema.items && isList ? schema.items : schema
        // In a URL a number is also a text.
        for (const { name, mistake, value } of primitives(inner))
          yield {
            name: `${key}: ${name}`,
            mistake,
            value: { ...valid, [key]: isList ? [String(value)] : String(value) },
          }
      }
    },
  }
}

/** Longer URLs are refused for their length, by some servers without an answer. */
const MAX_PARAM_TEXT = 1000

/** Mistakes of a single parameter. Fractions and vague booleans are left out: some servers read them. */
function* primitives(schema: Schema): Generator<Violation<unknown>> {
  if (schema.type === 'string')
    for (const violation of stringViolations(schema))
      if (violation.mistake !== 'type' && String(violation.value).length <= MAX_PARAM_TEXT) yield violation
  if (schema.type === 'integer')
    for (const violation of integerViolations(schema)) if (violation.name !== 'a fraction') yield violation
}
