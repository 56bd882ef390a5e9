import { gzipSync } from 'node:zlib'
import { queryString, type Query } from '../../src/contract/ask.ts'
import type { Method, Schema } from '../../src/contract/lexicon/lexiconSet.ts'
import { methods, sampler, violator } from '../contract/lexicon.ts'
import { LIMIT } from './reference.ts'
import type { Sent } from './send.ts'

export interface Asked extends Sent {
  method: string
  /** What is wrong or special about the request; the same words for all methods, so that exceptions can name it. */
  kind: string
}

const JSON_TYPE = { 'content-type': 'application/json' }

function* params(
  method: Method,
  path: (query: Query) => string,
  rest: Partial<Sent>,
): Generator<Omit<Asked, 'method'>> {
  const verb = method.kind === 'query' ? 'GET' : 'POST'
  const valid = sampler.query(method)
  const of = (kind: string, query: Query): Omit<Asked, 'method'> => ({
    verb,
    ...rest,
    kind,
    path: path(query),
  })
  yield of('unknown parameter', { ...valid, unknown: '1' })
  yield of('__proto__ parameter', Object.fromEntries([...Object.entries(valid), ['__proto__', 'x']]))
  for (const { name, value } of violator.queries(method))
    yield of(`parameter: ${name.split(': ')[1] ?? name}`, value)
  for (const [name, property] of Object.entries<Schema>(method.params)) {
    const good = String(sampler.value(property))
    if (property.type === 'array') {
      const item = String(sampler.value(property.items ?? { type: 'string' }))
      yield of('array parameter: several', { ...valid, [name]: [item, item] })
      yield of('array parameter: one bad item', { ...valid, [name]: [item, 'not valid !'] })
      yield of('array parameter: an empty item', { ...valid, [name]: [item, ''] })
      yield of('array parameter: brackets', { ...valid, [name]: [], [`${name}[]`]: [item] })
      continue
    }
    yield of('optional parameter', { ...valid, [name]: good })
    yield of(`repeated ${property.format ?? property.type} parameter`, { ...valid, [name]: [good, good] })
    if (!method.required.includes(name)) yield of('empty optional parameter', { ...valid, [name]: '' })
    if (property.type === 'integer') {
      yield of('integer parameter: a fraction', { ...valid, [name]: '1.5' })
      yield of('integer parameter: a number and a word', { ...valid, [name]: '10abc' })
      yield of('integer parameter: nothing but a sign', { ...valid, [name]: '-' })
      yield of('integer parameter: a leading zero', { ...valid, [name]: '010' })
    }
    if (property.type === 'boolean') {
      yield of('boolean parameter: false', { ...valid, [name]: 'false' })
      yield of('boolean parameter: a word', { ...valid, [name]: 'maybe' })
    }
  }
}

/** The headers of a body of this encoding; of any, where any is taken. */
const binaryType = (encoding: string) => ({
  'content-type': encoding === '*/*' ? 'image/png' : encoding,
})

const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)

function* bodies(method: Method, path: string): Generator<Omit<Asked, 'method'>> {
  const post = (kind: string, more: Partial<Sent>): Omit<Asked, 'method'> => ({
    verb: 'POST',
    path,
    kind,
    ...more,
  })
  const { input } = method
  if (!input) {
    yield post('no input: none', {})
    yield post('no input: an empty body', { body: '' })
    yield post('no input: an empty chunked body', { body: '', chunked: true })
    yield post('no input: a type without a body', { headers: { ...JSON_TYPE, 'content-length': '0' } })
    yield post('no input: {}', { headers: JSON_TYPE, body: '{}' })
    yield post('no input: an object', { headers: JSON_TYPE, body: '{"a":1}' })
    yield post('no input: a chunked object', { headers: JSON_TYPE, body: '{"a":1}', chunked: true })
    return
  }
  const type = binaryType(input.encoding)
  yield post('body: missing', { headers: type })
  yield post('body: missing, without a type', {})
  yield post('body: no type', { body: 'abc' })
  yield post('body: a type that is none', { headers: { 'content-type': '!' }, body: 'abc' })
  yield post('body: wrong type', { headers: { 'content-type': 'text/plain' }, body: 'abc' })
  yield post('body: too long, by its length', { headers: type, body: 'x'.repeat(LIMIT + 1) })
  yield post('body: too long, without a length', {
    headers: type,
    body: 'x'.repeat(LIMIT + 1),
    chunked: true,
  })
  yield post('body: an unknown content encoding', {
    headers: { ...type, 'content-encoding': 'snappy' },
    body: 'abc',
  })
  yield post('body: gzip', { headers: { ...type, 'content-encoding': 'gzip' }, body: gzipSync('{}') })
  if (!input.schema) {
    yield post('body: good', { headers: type, body: 'abc' })
    yield post('body: chunked', { headers: type, body: 'abc', chunked: true })
    return
  }
  const good = JSON.stringify(sampler.value(input.schema))
  const open: Schema | undefined = input.schema
  const isOpen = !open?.required
  yield post('body: good', { headers: JSON_TYPE, body: good })
  yield post('body: good, chunked', { headers: JSON_TYPE, body: good, chunked: true })
  yield post('body: good, with a charset', {
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: good,
  })
  yield post('body: good, in capitals', { headers: { 'content-type': 'Application/JSON' }, body: good })
  yield post('body: nothing', { headers: { ...JSON_TYPE, 'content-length': '0' } })
  yield post('body: broken JSON', { headers: JSON_TYPE, body: '{"a":' })
  yield post('body: bad UTF-8', {
    headers: JSON_TYPE,
    body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  })
  yield post('body: text', { headers: JSON_TYPE, body: '"text"' })
  yield post('body: null', { headers: JSON_TYPE, body: 'null' })
  yield post(`body: a list${isOpen ? ', where nothing is required' : ''}`, { headers: JSON_TYPE, body: '[]' })
  yield post('body: an unknown field', {
    headers: JSON_TYPE,
    body: good.replace(/\}$/, `${good === '{}' ? '' : ','}"zz":1}`),
  })
  for (const [name, property] of Object.entries(open?.properties ?? {}))
    if (property.type === 'unknown') {
      const base: Record<string, unknown> = Object(sampler.value(input.schema))
      const deep = (depth: number): string =>
        JSON.stringify({ ...base, [name]: '?' }).replace('"?"', nested(depth))
      yield post('body: 100 levels', { headers: JSON_TYPE, body: deep(100) })
      yield post('body: 200 levels', { headers: JSON_TYPE, body: deep(200) })
    }
  for (const { name, value } of violator.values(input.schema)) {
    // The whole body: above.
    if (!name.includes(': ')) continue
    yield post(`body: field ${name.split(': ').at(-1) ?? ''}`, {
      headers: JSON_TYPE,
      body: JSON.stringify(value),
    })
  }
}

function* ofMethod(method: Method): Generator<Omit<Asked, 'method'>> {
  const path = (query: Query = sampler.query(method)): string => `/xrpc/${method.id}${queryString(query)}`
  const verb = method.kind === 'query' ? 'GET' : 'POST'
  const input: Schema | undefined = method.input?.schema
  const good: Partial<Sent> = input
    ? { headers: JSON_TYPE, body: JSON.stringify(sampler.value(input)) }
    : method.input
      ? { headers: binaryType(method.input.encoding), body: 'abc' }
      : {}
  if (method.kind === 'query') {
    yield { kind: 'good query', verb, path: path() }
    yield { kind: 'HEAD of a query', verb: 'HEAD', path: path() }
    yield { kind: 'query with a body', verb, path: path(), headers: JSON_TYPE, body: '{"a":1}' }
  } else yield { kind: 'HEAD of a procedure', verb: 'HEAD', path: path() }
  for (const wrong of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'])
    if (wrong !== verb) yield { kind: 'wrong verb', verb: wrong, path: path() }
  yield { kind: 'trailing slash', verb, ...good, path: path().replace(/(\?|$)/, '/$1') }
  if (!method.input || method.input.schema) yield* params(method, path, good)
  if (method.kind === 'procedure') yield* bodies(method, path())
}

const elsewhere: Omit<Asked, 'method'>[] = ['GET', 'POST', 'PUT'].flatMap((verb) => [
  { kind: 'unknown method', verb, path: '/xrpc/com.example.unknown' },
  { kind: 'unknown method', verb, path: '/xrpc/com.example.unknown/' },
  {
    kind: 'unknown method with a body',
    verb,
    path: '/xrpc/com.example.unknown',
    headers: JSON_TYPE,
    body: '{}',
  },
  { kind: 'a document without a method', verb, path: '/xrpc/com.atproto.repo.defs' },
  { kind: 'a record type', verb, path: '/xrpc/app.bsky.feed.post' },
  { kind: 'a word', verb, path: '/xrpc/word' },
  { kind: 'no method', verb, path: '/xrpc/' },
  { kind: 'a bad path', verb, path: '/xrpc/com.atproto.server.describeServer/more' },
  { kind: 'a bad path', verb, path: '/xrpc/com..atproto' },
  { kind: 'a bad path', verb, path: '/xrpc/-com.atproto' },
  { kind: 'a bad path', verb, path: '/xrpc/com.atproto.server.describe%20Server' },
  { kind: 'a method in capitals', verb, path: '/xrpc/COM.ATPROTO.SERVER.DESCRIBESERVER' },
])

/** A few hundred requests, good and bad, made from the lexicons. */
export const requests: Asked[] = [
  ...methods.flatMap((method) => [...ofMethod(method)].map((asked) => ({ ...asked, method: method.id }))),
  ...elsewhere.map((asked) => ({ ...asked, method: '(none)' })),
]
