import { jsonToLex } from '@atproto/lexicon'
import type { MethodId } from '../../src/generated/methods.ts'
import { policy, type CredentialKind, type Rule } from '../../src/policy.ts'
import type { XrpcError } from '../../src/xrpc/errors.ts'
import { methodById, methods, type Method } from './lexicon.ts'
import { NOWHERE, sample, type Known } from './sample.ts'

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
  return jsonToLex(sample(output.schema, HELD, pageLength(params)) as Parameters<typeof jsonToLex>[0])
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
  check('BlobNotFound', params.cid !== HELD.blob)
  check('BlockNotFound', Array.isArray(params.cids) && params.cids.some((cid) => cid !== HELD.cid))
  check('RecordNotFound', id.includes('.repo.') && ![HELD.rkey, NOWHERE.rkey].includes(String(params.rkey)))
}

function overrides(): { handlers: Partial<Record<MethodId, StubHandler>>; state: { active: boolean } } {
  const state = { active: true, signedOut: false, puts: 0 }
  const handlers: Partial<Record<MethodId, StubHandler>> = {
    'com.atproto.repo.describeRepo': () => ({
      ...outputOf('com.atproto.repo.describeRepo'),
      handle: HELD.handle,
      collections: [HELD.collection],
    }),
    'com.atproto.sync.listBlobs': ({ params }) => ({ cids: Array(pageLength(params)).fill(HELD.blob) }),
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
    'com.atproto.repo.putRecord': ({ input, error: refuse }) => {
      if (Object(input).swapRecord !== undefined && state.puts++ > 0)
        throw refuse('InvalidSwap', 'it has changed')
      return outputOf('com.atproto.repo.putRecord')
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
        const rule: Rule = policy[method.id]
        if (!state.active && !rule.who[call.auth]?.includes('deactivated'))
          throw call.error(call.auth === 'anyone' ? 'RepoDeactivated' : 'AccountDeactivated', 'deactivated')
        const handler = own[method.id] ?? handlers[method.id]
        return handler ? handler(call) : stubOutput(method, call.params)
      },
    ]),
  )
}
