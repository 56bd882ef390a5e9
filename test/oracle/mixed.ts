import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { queryString } from '../../src/contract/ask.ts'
import { type Known, NOWHERE } from '../../src/contract/discover.ts'
import type { Method, Schema } from '../../src/contract/lexicon/lexiconSet.ts'
import { lexicons, lexiconSet, methods, sampler } from '../contract/lexicon.ts'
import { type Json, jsonText, mutateJson } from '../fuzz/json.ts'
import type { Random } from '../fuzz/random.ts'
import { requests } from './requests.ts'
import type { Sent } from './send.ts'

export interface Mixed extends Sent {
  /** For the oracle's exceptions, as in `requests`; `mutated` for one that may be right or wrong in any way. */
  kind: string
  method: string
}

/** The types of records, each with its lexicon. */
const RECORDS = [...lexicons].flatMap(({ id, defs }) =>
  defs.main?.type === 'record' ? [[id, defs.main.record as Schema] as const] : [],
)

/** Services and methods that are not ours: with a session they are proxied. */
const ELSEWHERE = [
  'app.bsky.feed.getTimeline',
  'app.bsky.actor.getProfile',
  'app.bsky.feed.getPostThread',
  'app.bsky.notification.listNotifications',
  'chat.bsky.convo.listConvos',
  'com.atproto.moderation.createReport',
  'com.example.unknown',
]
const PROXIES = [
  'did:web:appview.example#bsky_appview',
  'did:web:api.bsky.app#bsky_appview',
  'did:web:localhost#bsky_appview',
  'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#atproto_labeler',
  'did:web:api.bsky.app',
  'did:web:api.bsky.app#',
  'did:web:api.bsky.app#a#b',
  ' ',
  'did:web:127.0.0.1#x',
  'not a did',
]

/** Put in place of names that exist nowhere. */
const located = (text: string, known: Known): string =>
  (Object.keys(NOWHERE) as (keyof Known)[]).reduce(
    (located, name) =>
      located
        .replaceAll(NOWHERE[name], known[name])
        .replaceAll(encodeURIComponent(NOWHERE[name]), encodeURIComponent(known[name])),
    text,
  )

/** One of the listed requests, about this account or about one that exists nowhere. */
const listed = (random: Random, known: Known): Mixed => {
  const asked = random.pick(requests)
  if (random.chance(0.3)) return asked
  const { path, body } = asked
  return {
    ...asked,
    path: located(path, known),
    ...(typeof body === 'string' ? { body: located(body, known) } : {}),
  }
}

const input = (random: Random, schema: Schema, known: Known): Json => {
  const value = sampler.value(schema, known, random.int(3)) as Json
  const fields = Object(value)
  const record = (): [string, Json] => {
    const [collection, record] = random.pick(RECORDS)
    const made = sampler.value(record, known, random.int(3)) as Json
    return [collection, random.chance(0.5) ? mutateJson(made, random) : made]
  }
  if ('record' in fields) {
    const [collection, made] = record()
    return {
      ...fields,
      collection,
      record: made,
      rkey: random.pick(['self', known.rkey, 'a b', '3jzfcijpj2z2a']),
    }
  }
  if ('writes' in fields)
    fields.writes = Array.from({ length: random.int(4) }, () => {
      const [collection, made] = record()
      const $type = `com.atproto.repo.applyWrites#${random.pick(['create', 'update', 'delete'])}`
      return { $type, collection, rkey: random.pick(['self', '3jzfcijpj2z2a', '3jzfcijpj2z2b']), value: made }
    })
  return value
}

/** A request with any number of changes, perhaps none. */
const mutated = (random: Random, known: Known, method: Method = random.pick(methods)): Mixed => {
  const query = sampler.query(method, known)
  for (const [name, property] of Object.entries<Schema>(method.params))
    if (random.chance(0.2))
      query[name] = random.chance(0.5)
        ? String(sampler.value(property, known))
        : random.text(random.small(30))
  const verb = random.chance(0.03)
    ? random.pick(['GET', 'POST', 'PUT'])
    : method.kind === 'query'
      ? 'GET'
      : 'POST'
  const path = `/xrpc/${method.id}${queryString(query)}`
  const request: Mixed = { kind: 'mutated', method: method.id, verb, path }
  if (!method.input || verb !== 'POST') return request
  const type =
    method.input.encoding === '*/*' ? random.pick(['image/png', 'video/mp4']) : method.input.encoding
  const schema: Schema | undefined = method.input.schema
  if (!schema)
    return {
      ...request,
      headers: { 'content-type': type },
      body: random.bytes(random.small(3000)),
      chunked: random.chance(0.3),
    }
  const value = input(random, schema.type === 'ref' ? lexiconSet.resolve(schema.ref ?? '') : schema, known)
  const body = jsonText(random.chance(0.5) ? mutateJson(value, random) : value)
  return { ...request, headers: { 'content-type': type }, body, chunked: random.chance(0.2) }
}

const CODINGS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }

const compressed = (random: Random, request: Mixed): Mixed => {
  const { body, headers } = request
  if (body === undefined || headers?.['content-encoding'] !== undefined) return request
  const coding = random.pick(['gzip', 'deflate', 'br'] as const)
  const { 'content-length': _, ...rest } = headers ?? {}
  // One in ten is not what it says.
  const bytes = random.chance(0.1) ? Buffer.from(body) : CODINGS[coding](body)
  return { ...request, headers: { ...rest, 'content-encoding': coding }, body: new Uint8Array(bytes) }
}

const proxied = (random: Random): Mixed => ({
  kind: 'proxied',
  method: '(elsewhere)',
  verb: random.pick(['GET', 'GET', 'POST', 'HEAD']),
  path: `/xrpc/${random.pick(ELSEWHERE)}?limit=${random.pick(['10', 'x', ''])}`,
  headers: random.chance(0.6) ? { 'atproto-proxy': random.pick(PROXIES) } : {},
})

/** The next request of a mix: listed ones, changed ones, compressed ones, and some for other services. */
export const mixed = (random: Random, known: Known): Mixed => {
  if (random.chance(0.08)) return proxied(random)
  const request = random.chance(0.35) ? listed(random, known) : mutated(random, known)
  return random.chance(0.1) ? compressed(random, request) : request
}
