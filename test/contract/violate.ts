import type { Method } from './lexicon.ts'
import { NOWHERE, resolve, sample, sampleQuery, type Known, type Query, type Schema } from './sample.ts'

export interface Violation<Value> {
  name: string
  value: Value
}

/** No format accepts this, and neither does a lenient parser. */
const NO_FORMAT = 'not valid !'

function* primitive(schema: Schema): Generator<Violation<unknown>> {
  if (schema.type === 'string') {
    yield { name: 'a number', value: 42 }
    if (schema.format) yield { name: `no ${schema.format}`, value: NO_FORMAT }
    if (schema.maxLength !== undefined && !schema.format)
      yield { name: 'too long', value: 'x'.repeat(schema.maxLength + 1) }
  } else if (schema.type === 'integer') {
    yield { name: 'a word', value: 'abc' }
    yield { name: 'a fraction', value: 1.5 }
    if (schema.minimum !== undefined) yield { name: 'below the minimum', value: schema.minimum - 1 }
    if (schema.maximum !== undefined) yield { name: 'above the maximum', value: schema.maximum + 1 }
  } else if (schema.type === 'boolean') yield { name: 'a word', value: 'maybe' }
}

/** Values that a schema refuses: each has a single mistake, at any depth that the sample reaches. */
export function* violations(schema: Schema, known: Known = NOWHERE): Generator<Violation<unknown>> {
  yield* primitive(schema)
  if (schema.type === 'ref') yield* violations(resolve(schema.ref ?? ''), known)
  if (schema.type === 'unknown') yield { name: 'no object', value: 'text' }
  if (schema.type === 'array') {
    yield { name: 'no array', value: {} }
    if (schema.minLength) yield { name: 'too few items', value: [] }
    if (schema.items)
      for (const { name, value } of violations(schema.items, known))
        yield { name: `[0]: ${name}`, value: [value] }
  }
  if (schema.type === 'union') {
    yield { name: 'no $type', value: {} }
    if (schema.closed) yield { name: 'an unknown $type', value: { $type: 'com.example.unknown' } }
    for (const ref of schema.refs ?? [])
      if (schema.closed)
        for (const { name, value } of violations(resolve(ref), known))
          if (typeof value === 'object' && !Array.isArray(value))
            yield {
              name: `${ref.split('#')[1] ?? ref}: ${name}`,
              value: { $type: ref.replace(/^lex:/, '').replace(/#main$/, ''), ...value },
            }
  }
  if (schema.type === 'object') {
    const valid = sample(schema, known)
    const base = typeof valid === 'object' ? { ...valid } : {}
    for (const name of schema.required ?? []) {
      const { [name]: _, ...rest }: Record<string, unknown> = base
      yield { name: `${name}: missing`, value: rest }
    }
    for (const [key, inner] of Object.entries(schema.properties ?? {}))
      for (const { name, value } of violations(inner, known))
        yield { name: `${key}: ${name}`, value: { ...base, [key]: value } }
  }
}

/** The parameters of a method with one mistake, which every server must refuse. */
export function* badQueries(method: Method, known: Known = NOWHERE): Generator<Violation<Query>> {
  const valid = sampleQuery(method, known)
  for (const name of method.required) {
    const { [name]: _, ...rest } = valid
    yield { name: `${name}: missing`, value: rest }
    yield { name: `${name}: empty`, value: { ...valid, [name]: '' } }
  }
  for (const [key, property] of Object.entries(method.params)) {
    // In a URL a number is also a valid string, and some servers accept a fraction or a vague boolean.
    const schema: Schema = property.type === 'array' ? property.items : property
    for (const { name, value } of primitive(schema))
      if (!['a number', 'a fraction'].includes(name) && schema.type !== 'boolean')
        yield { name: `${key}: ${name}`, value: { ...valid, [key]: String(value) } }
  }
}
