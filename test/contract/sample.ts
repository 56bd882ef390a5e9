import type { LexUserType } from '@atproto/lexicon'
import { lexicons, type Method } from './lexicon.ts'

/** What exists on the server under test, so that a valid request also finds something. */
export interface Known {
  did: string
  handle: string
  collection: string
  rkey: string
  /** Of the record. */
  cid: string
  commit: string
  rev: string
  blob: string
}

/** Well-formed names of things that do not exist anywhere. */
export const NOWHERE: Known = {
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  handle: 'nobody.example.com',
  collection: 'app.bsky.feed.post',
  rkey: '3jzfcijpj2z2a',
  cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  commit: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
  rev: '3jzfcijpj2z2a',
  blob: 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku',
}

/** The parts of a schema that the suite uses: the library's own type does not name nested ones. */
export interface Schema {
  type: string
  format?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  knownValues?: string[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  maxGraphemes?: number
  closed?: boolean
  ref?: string
  refs?: string[]
  items?: Schema
  required?: string[]
  nullable?: string[]
  properties?: Record<string, Schema>
}

export const resolve = (ref: string): Schema => {
  // Every LexUserType has `type` and some of the members above; the union is too wide to narrow here.
  const def = lexicons.getDefOrThrow(ref) as LexUserType & Schema
  return def
}

const byFormat = (format: string, known: Known): string | undefined =>
  ({
    did: known.did,
    handle: known.handle,
    'at-identifier': known.did,
    nsid: known.collection,
    cid: known.cid,
    tid: known.rev,
    'record-key': known.rkey,
    'at-uri': `at://${known.did}/${known.collection}/${known.rkey}`,
    datetime: '2026-01-01T00:00:00.000Z',
    uri: 'https://example.com',
    language: 'en',
  })[format]

function text(schema: Schema, known: Known): string {
  const fixed = schema.const ?? schema.enum?.[0] ?? schema.knownValues?.[0]
  if (typeof fixed === 'string') return fixed
  return (schema.format && byFormat(schema.format, known)) ?? 'sample'.padEnd(schema.minLength ?? 0, '.')
}

/**
 * A value that a schema accepts, as sent on the wire: only the required members, and each array with `length` items.
 */
export function sample(schema: Schema, known: Known = NOWHERE, length = 1): unknown {
  if (schema.default !== undefined) return schema.default
  switch (schema.type) {
    case 'string':
      return text(schema, known)
    case 'integer':
      return schema.const ?? schema.minimum ?? Math.min(1, schema.maximum ?? 1)
    case 'boolean':
      return schema.const ?? true
    case 'array': {
      const { items } = schema
      if (!items) return []
      return Array.from({ length: Math.max(schema.minLength ?? 0, length) }, () => sample(items, known, 1))
    }
    case 'object':
    case 'params': {
      const wanted = Object.entries(schema.properties ?? {}).filter(([name]) =>
        schema.required?.includes(name),
      )
      return Object.fromEntries(wanted.map(([name, inner]) => [name, sample(inner, known, length)]))
    }
    case 'ref':
      return sample(resolve(schema.ref ?? ''), known, length)
    case 'union': {
      const first = schema.refs?.[0] ?? ''
      const value = sample(resolve(first), known, length)
      return {
        $type: first.replace(/^lex:/, '').replace(/#main$/, ''),
        ...(typeof value === 'object' ? value : {}),
      }
    }
    case 'cid-link':
      return { $link: known.cid }
    case 'bytes':
      return { $bytes: 'AQID' }
    case 'blob':
      return { $type: 'blob', ref: { $link: known.blob }, mimeType: 'image/png', size: 3 }
    default:
      return {}
  }
}

/** Members that the lexicon leaves open but that must make sense to a server. */
const MEANT: Partial<Record<string, (known: Known) => Record<string, string | string[]>>> = {
  'com.atproto.server.getServiceAuth': ({ did }) => ({ aud: did, lxm: 'com.atproto.server.createAccount' }),
  'com.atproto.sync.getBlob': ({ blob }) => ({ cid: blob }),
  'com.atproto.sync.getBlocks': ({ commit }) => ({ cids: [commit] }),
  'com.cirrus.admin.resumeRepo': ({ commit }) => ({ root: commit }),
}

export type Query = Record<string, string | string[]>

/** A method's required parameters, valid. */
export function sampleQuery(method: Method, known: Known = NOWHERE): Query {
  const out: Query = {}
  for (const name of method.required) {
    const property = method.params[name]
    if (!property) continue
    const value = sample(property, known)
    out[name] = Array.isArray(value) ? value.map(String) : String(value)
  }
  return { ...out, ...MEANT[method.id]?.(known) }
}

export const queryString = (query: Query): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, item)
  const string = search.toString()
  return string ? `?${string}` : ''
}
