import type { MethodId } from '../generated/methods.ts'
import { error } from './errors.ts'
import { definition, lexicons, type MethodDef } from './lexicons.ts'

type Property = NonNullable<MethodDef['parameters']>['properties'][string]
type Primitive = Exclude<Property, { type: 'array' }>

function decode(name: string, property: Primitive, text: string): string | number | boolean {
  if (property.type === 'integer') {
    const value = Number(text)
    if (/^-?\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value
    throw error('InvalidRequest', `Parameter "${name}": expected an integer, got "${text.slice(0, 100)}"`)
  }
  if (property.type === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true'
    throw error('InvalidRequest', `Parameter "${name}": expected true or false, got "${text.slice(0, 100)}"`)
  }
  return text
}

/**
 * Decodes a URL's query parameters by the method's lexicon, validates them and fills in defaults. Parameters that the
 * lexicon does not know are ignored, and an empty value counts as absent, as in the reference.
 */
export function readParams(id: MethodId, search: URLSearchParams): Record<string, unknown> {
  const properties = definition(id).parameters?.properties ?? {}
  const decoded: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(properties)) {
    const values = search.getAll(name).filter((value) => value !== '')
    const [first] = values
    if (first === undefined) continue
    if (property.type === 'array') decoded[name] = values.map((value) => decode(name, property.items, value))
    else if (values.length > 1)
      throw error('InvalidRequest', `Parameter "${name}": given ${values.length} times, expected once`)
    else decoded[name] = decode(name, property, first)
  }
  try {
    // The library returns undefined for a method without parameters, and throws on the first mismatch.
    return (lexicons().assertValidXrpcParams(id, decoded) ?? {}) as Record<string, unknown>
  } catch (cause) {
    throw error('InvalidRequest', cause instanceof Error ? cause.message : 'Invalid parameters')
  }
}
