import { isObject } from '../../isObject.ts'
import { typeOf } from './createSampler.ts'
import { isFormat } from './isFormat.ts'
import type { LexiconSet, Schema } from './lexiconSet.ts'

interface BadFormat {
  /** Such as `repos.0.did`. */
  readonly place: string
  readonly format: string
}

const MAX_DEPTH = 64

/** Every text of a value that is not strictly of the format that its schema says. */
export function* badFormats(
  set: Pick<LexiconSet, 'resolve'>,
  schema: Schema,
  value: unknown,
  place = '',
  depth = 0,
): Generator<BadFormat> {
  if (depth > MAX_DEPTH) return
  const inner = (one: Schema, member: unknown, name: string | number): Generator<BadFormat> =>
    badFormats(set, one, member, place === '' ? String(name) : `${place}.${name}`, depth + 1)
  if (schema.type === 'ref') yield* badFormats(set, set.resolve(schema.ref ?? ''), value, place, depth + 1)
  else if (schema.type === 'union' && isObject(value)) {
    const ref = schema.refs?.find((one) => typeOf(one) === String(value['$type']).replace(/#main$/, ''))
    if (ref !== undefined) yield* badFormats(set, set.resolve(ref), value, place, depth + 1)
  } else if (schema.type === 'string' && typeof value === 'string') {
    if (schema.format !== undefined && !isFormat(schema.format, value)) yield { place, format: schema.format }
  } else if (schema.type === 'array' && Array.isArray(value) && schema.items)
    for (const [index, item] of value.entries()) yield* inner(schema.items, item, index)
  else if (schema.type === 'object' && isObject(value))
    for (const [name, property] of Object.entries(schema.properties ?? {}))
      if (Object.hasOwn(value, name)) yield* inner(property, value[name], name)
}
