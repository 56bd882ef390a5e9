import { NOWHERE, type Known } from '../discover.ts'
import type { Query } from '../ask.ts'
import type { LexiconSet, Method, Schema } from './lexiconSet.ts'
import { makeString } from './makeString.ts'

/** Nothing satisfies the schema, or nothing that a request could hold. */
export class NoValue extends Error {}

/** Makes valid values from schemas. */
export interface Sampler {
  /**
   * A value that a schema accepts, as sent on the wire: only the required members, and each array with `length` items if
   * it may have so many. Throws `NoValue` where nothing is accepted.
   */
  value(schema: Schema, known?: Known, length?: number): unknown
  /** A method's required parameters, valid. Throws `NoValue`. */
  query(method: Method, known?: Known): Query
}

/** Members that the lexicon leaves open but that must make sense to a server. */
const MEANT: Partial<Record<string, (known: Known) => Query>> = {
  'com.atproto.server.getServiceAuth': ({ did }) => ({ aud: did, lxm: 'com.atproto.server.createAccount' }),
  'com.atproto.sync.getBlob': ({ blob }) => ({ cid: blob }),
  'com.atproto.sync.getBlocks': ({ commit }) => ({ cids: [commit] }),
  'com.cirrus.admin.resumeRepo': ({ commit }) => ({ root: commit }),
}

/** What stands in `$type` for a reference: `lex:com.example.defs#main` -> `com.example.defs`. */
export const typeOf = (ref: string): string => ref.replace(/^lex:/, '').replace(/#main$/, '')

/** Of no document: valid where a union is open. */
const UNKNOWN_TYPE = 'com.example.unknown#thing'
/** More would not fit into a request. */
const MAX_ITEMS = 1000
const MAX_BYTES = 65_536

const makeInteger = ({ const: fixed, default: usual, enum: choices, minimum, maximum }: Schema): number => {
  const low = Math.ceil(minimum ?? -Infinity)
  const high = Math.floor(maximum ?? Infinity)
  const fits = (value: unknown): value is number =>
    Number.isInteger(value) &&
    Number(value) >= low &&
    Number(value) <= high &&
    (typeof fixed !== 'number' || value === fixed) &&
    (!choices || choices.includes(value))
  const found = [fixed, usual, ...(choices ?? []), low, 1, 0, high].find(fits)
  if (found === undefined) throw new NoValue('no integer is within the bounds')
  return found
}

export function createSampler(set: Pick<LexiconSet, 'resolve'>): Sampler {
  /** `within`: the references that the value is part of. A value that needs itself can not be made. */
  const make = (schema: Schema, known: Known, length: number, within: readonly string[]): unknown => {
    const follow = (ref: string): unknown => {
      if (within.includes(ref)) throw new NoValue(`${ref} contains itself`)
      return make(set.resolve(ref), known, length, [...within, ref])
    }
    switch (schema.type) {
      case 'string': {
        const text = makeString(schema, known)
        if (text === undefined) throw new NoValue('no text satisfies the schema')
        return text
      }
      case 'integer':
        return makeInteger(schema)
      case 'boolean':
        return schema.const ?? schema.default ?? true
      case 'array':
        return makeArray(schema, length, (items) => make(items, known, 1, within))
      case 'object':
      case 'params': {
        const { properties = {}, required = [], nullable = [] } = schema
        const wanted = Object.entries(properties).filter(([name]) => required.includes(name))
        const member = (name: string, inner: Schema): unknown => {
          try {
            return make(inner, known, length, within)
          } catch (cause) {
            if (cause instanceof NoValue && nullable.includes(name)) return null
            throw cause
          }
        }
        return Object.fromEntries(wanted.map(([name, inner]) => [name, member(name, inner)]))
      }
      case 'ref':
        return follow(schema.ref ?? '')
      case 'union': {
        for (const ref of schema.refs ?? []) {
          // Only objects can say which of the types they are.
          if (set.resolve(ref).type !== 'object') continue
          try {
            return { ...Object(follow(ref)), $type: typeOf(ref) }
          } catch (cause) {
            if (!(cause instanceof NoValue)) throw cause
          }
        }
        if (schema.closed) throw new NoValue('nothing is in the union')
        return { $type: UNKNOWN_TYPE }
      }
      case 'cid-link':
        return { $link: known.cid }
      case 'bytes': {
        const bytes = Math.max(schema.minLength ?? 0, Math.min(3, schema.maxLength ?? 3))
        if (bytes > Math.min(schema.maxLength ?? MAX_BYTES, MAX_BYTES)) throw new NoValue('too many bytes')
        return { $bytes: btoa('\u0001'.repeat(bytes)).replaceAll('=', '') }
      }
      case 'blob':
        return { $type: 'blob', ref: { $link: known.blob }, mimeType: 'image/png', size: 3 }
      case 'unknown':
        return {}
      default:
        // A token, or a kind of definition that no value has.
        throw new NoValue(`nothing is a ${schema.type}`)
    }
  }
  const value: Sampler['value'] = (schema, known = NOWHERE, length = 1) => make(schema, known, length, [])
  return {
    value,
    query(method, known = NOWHERE) {
      const meant = MEANT[method.id]?.(known) ?? {}
      const query: Query = {}
      for (const name of method.required) {
        const schema = method.params[name]
        if (!schema || name in meant) continue
        const made = value(schema, known)
        query[name] = Array.isArray(made) ? made.map(String) : String(made)
      }
      return { ...query, ...meant }
    },
  }
}

function makeArray(schema: Schema, length: number, item: (items: Schema) => unknown): unknown[] {
  const { items, minLength = 0, maxLength = Infinity } = schema
  const wanted = Math.max(minLength, Math.min(length, maxLength))
  if (wanted > Math.min(maxLength, MAX_ITEMS)) throw new NoValue('no length is within the bounds')
  if (!items) return []
  try {
    return Array.from({ length: wanted }, () => item(items))
  } catch (cause) {
    if (cause instanceof NoValue && minLength === 0) return []
    throw cause
  }
}
