import { jsonToLex } from '@atproto/lexicon'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import type { MethodId } from '../../src/generated/methods.ts'
import { policyOf } from '../../src/contract/areas/methods/policyOf.ts'
import { NOWHERE, type Known } from '../../src/contract/discover.ts'
import type { Method } from '../../src/contract/lexicon/lexiconSet.ts'
import type { CredentialKind } from '../../src/policy.ts'
import type { XrpcError } from '../../src/xrpc/errors.ts'
import { methodById, methods, sampler } from './lexicon.ts'

/** What the stub claims to have. */
export const HELD: Known = {
  did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
  handle: 'alice.example.com',
  collection: 'app.bsky.feed.post',
  rkey: '3jzfcijpj2z2b',
  cid: 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae',
  commit: 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae',
  rev: '3jzfcijpj2z2b',
  blob: 'bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity',
}

export const STUB_CREDENTIALS = { identifier: HELD.handle, password: 'stub', admin: 'stub-admin' }

/** Enough items to exceed the limit of a page. */
const ITEMS = 120

export interface StubCall {
  params: Record<string, unknown>
  input: unknown
  auth: CredentialKind
  error(name: string, message: string): XrpcError
}

export type StubHandler = (call: StubCall) => unknown

const pageLength = ({ limit }: Record<string, unknown>): number =>
  Math.min(typeof limit === 'number' ? limit : ITEMS, ITEMS)

/** An output as the lexicon declares it, with the requested number of items. */
export function stubOutput({ output }: Method, params: Record<string, unknown> = {}): unknown {
  if (!output) return undefined
  if (!output.schema) {
    const bytes = new Uint8Array([1, 2, 3])
    return {
      encoding: output.encoding === '*/*' ? 'image/png' : output.encoding,
      body: new Blob([bytes]).stream(),
      length: bytes.byteLength,
    }
  }
  // The sample is JSON, whose type the library spells out.
  return jsonToLex(sampler.value(output.schema, HELD, pageLength(params)) as Parameters<typeof jsonToLex>[0])
}

const RAW = 0x55
const SHA_256 = 0x12
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Another text of the same format for each index; the first is the one that is given. */
const another = (text: string, index: number): string => {
  if (index === 0) return text
  if (text.startsWith('did:plc:'))
    return `${text.slice(0, -2)}${BASE32[index >> 5] ?? ''}${BASE32[index & 31] ?? ''}`
  if (/^baf[a-z0-9]{50,}$/.test(text)) {
    const digest = new Uint8Array(32)
    digest[31] = index
    return CID.createV1(RAW, create(SHA_256, digest)).toString()
  }
  return `${text}${index}`
}

/** Another item of a list for each index. */
const distinct = (item: unknown, index: number): unknown => {
  if (typeof item === 'string') return another(item, index)
  const fields: Record<string, unknown> = Object(item)
  const texts = Object.keys(fields).filter((key) => typeof fields[key] === 'string')
  const key = ['uri', 'did', 'cid'].find((name) => texts.includes(name)) ?? texts.at(-1)
  return key === undefined ? item : { ...fields, [key]: another(String(fields[key]), index) }
}

/** A page of a list: what the lexicon declares, with other items on each page, and a cursor but on the last. */
export function stubPage(method: Method, params: Record<string, unknown>): unknown {
  const page: Record<string, unknown> = Object(
    sampler.value(method.output?.schema ?? { type: 'unknown' }, HELD, ITEMS),
  )
  const start = /^\d+$/.test(String(params.cursor)) ? Number(params.cursor) : 0
  const end = start + pageLength(params)
  for (const [key, list] of Object.entries(page))
    if (Array.isArray(list))
      page[key] = Array.from({ length: ITEMS }, (_, index) => distinct(list[0], index)).slice(start, end)
  if (end < ITEMS) page['cursor'] = String(end)
  return jsonToLex(page as Parameters<typeof jsonToLex>[0])
}

const outputOf = (id: MethodId, params: Record<string, unknown> = {}): Record<string, unknown> =>
  Object(stubOutput(methodById(id), params))

const session = (): Record<string, string> => ({
  accessJwt: 'stub.access.token',
  refreshJwt: 'stub.refresh.token',
  did: HELD.did,
  handle: HELD.handle,
})

/** Throws if the requested thing is not the one that the stub has, and the lexicon has an error for that. */
function refuseAbsent({ errors, id }: Method, { params, error: refuse }: StubCall): void {
  const check = (name: string, absent: boolean): void => {
    if (absent && errors.includes(name)) throw refuse(name, 'no such thing here')
  }
  check('RepoNotFound', params.did !== undefined && params.did !== HELD.did)
  check('SnapshotGone', 'root' in params && params.root !== HELD.commit)
  check('HandleNotFound', params.handle === NOWHERE.handle)
  check('BlobNotFound', params.cid !== HELD.blob)
  check('BlockNotFound', Array.isArray(params.cids) && params.cids.some((cid) => cid !== HELD.cid))
  check('RecordNotFound', id.includes('.repo.') && !/^(written\d+|3jz\w+)$/.test(String(params.rkey)))
}

/** The records that are written, by their keys. */
function recordStore(): Pick<
  Record<MethodId, StubHandler>,
  `com.atproto.repo.${'createRecord' | 'getRecord' | 'putRecord'}`
> {
  const records = new Map<string, { cid: string; value: unknown }>()
  const write = (id: MethodId, rkey: string, value: unknown): unknown => {
    const cid = another(HELD.cid, records.size + 1)
    records.set(rkey, { cid, value })
    return { ...outputOf(id), uri: `at://${HELD.did}/${HELD.collection}/${rkey}`, cid }
  }
  return {
    'com.atproto.repo.createRecord': ({ input }) =>
      write('com.atproto.repo.createRecord', `written${records.size}`, Object(input).record),
    'com.atproto.repo.putRecord': ({ input, error: refuse }) => {
      const { rkey, record, swapRecord }: Record<string, unknown> = Object(input)
      const held = records.get(String(rkey))
      if (swapRecord !== undefined && String(swapRecord) !== held?.cid)
        throw refuse('InvalidSwap', 'it has changed')
      return write('com.atproto.repo.putRecord', String(rkey), record)
    },
    'com.atproto.repo.getRecord': ({ params }) => ({
      ...outputOf('com.atproto.repo.getRecord'),
      ...records.get(String(params.rkey)),
    }),
  }
}

function overrides(): { handlers: Partial<Record<MethodId, StubHandler>>; state: { active: boolean } } {
  const state = { active: true, signedOut: false }
  const handlers: Partial<Record<MethodId, StubHandler>> = {
    'com.atproto.repo.describeRepo': () => ({
      ...outputOf('com.atproto.repo.describeRepo'),
      handle: HELD.handle,
      collections: [HELD.collection],
    }),
    'com.atproto.server.createSession': ({ input, error: refuse }) => {
      const given: Partial<typeof STUB_CREDENTIALS> = Object(input)
      if (given.identifier !== HELD.handle || given.password !== STUB_CREDENTIALS.password)
        throw refuse('AuthenticationRequired', 'wrong name or password')
      return session()
    },
    'com.atproto.server.refreshSession': ({ error: refuse }) => {
      if (state.signedOut) throw refuse('ExpiredToken', 'signed out')
      return session()
    },
    'com.atproto.server.deleteSession': () => void (state.signedOut = true),
    'com.atproto.server.deactivateAccount': () => void (state.active = false),
    'com.atproto.server.activateAccount': () => void (state.active = true),
    ...recordStore(),
    'com.atproto.sync.listBlobs': ({ params }) => {
      const page: Record<string, unknown> = Object(stubPage(methodById('com.atproto.sync.listBlobs'), params))
      const cids = Array.isArray(page.cids) ? page.cids.map(String) : []
      return { ...page, cids: cids.map((cid) => (cid === HELD.cid ? HELD.blob : cid)) }
    },
    'com.atproto.server.getServiceAuth': ({ params, error: refuse }) => {
      if (params.exp !== undefined) throw refuse('BadExpiration', 'too far ahead')
      return outputOf('com.atproto.server.getServiceAuth')
    },
    'com.cirrus.admin.createMigrationToken': () => ({
      ...outputOf('com.cirrus.admin.createMigrationToken'),
      token: 'stub.migration.token',
    }),
  }
  return { handlers, state }
}

/**
 * A handler for every method, which answers what its lexicon declares and remembers just enough for the positive paths.
 * Handlers in `own` replace those of the stub.
 */
export function stubHandlers(
  own: Partial<Record<MethodId, StubHandler>> = {},
  answerAbsent = false,
): Record<string, StubHandler> {
  if (answerAbsent)
    return Object.fromEntries(
      methods.map((method): [string, StubHandler] => [
        method.id,
        async ({ params, input }) => {
          const body: unknown = Object(input).body
          if (body instanceof ReadableStream) for await (const _ of body) void _
          return stubOutput(method, params)
        },
      ]),
    )
  const { handlers, state } = overrides()
  return Object.fromEntries(
    methods.map((method): [string, StubHandler] => [
      method.id,
      (call) => {
        refuseAbsent(method, call)
        if (!state.active && !policyOf(method.id)?.who[call.auth]?.includes('deactivated'))
          throw call.error(call.auth === 'anyone' ? 'RepoDeactivated' : 'AccountDeactivated', 'deactivated')
        const handler = own[method.id as MethodId] ?? handlers[method.id as MethodId]
        if (handler) return handler(call)
        const isList = method.params.cursor !== undefined && method.params.limit !== undefined
        return isList ? stubPage(method, call.params) : stubOutput(method, call.params)
      },
    ]),
  )
}
