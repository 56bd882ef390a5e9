/** What can be wrong with more than one method, each with the rule that finds it. */
import { isObject, type JsonObject } from '../../../src/isObject.ts'
import { ORIGIN } from '../deployed.ts'
import type { Planted } from '../repository/spoil.ts'
import type { Fault } from '../repository/world.ts'
import { frameWith, type SpoilFrame } from './workerSocket.ts'

const refuse = (status = 400, error = 'InvalidRequest'): Response =>
  Response.json({ error, message: 'seeded' }, { status, headers: { 'access-control-allow-origin': '*' } })
const give = (json: unknown): Response =>
  Response.json(json, { headers: { 'access-control-allow-origin': '*' } })

/** Spoils the JSON of answers to one method. */
const json =
  (id: string, change: (json: JsonObject, call: Parameters<Fault>[0]) => unknown): Fault =>
  async (call, answer) => {
    if (call.id !== id) return answer()
    const response = await answer()
    if (response.status !== 200) return response
    const value: unknown = await response.json()
    return give(change(isObject(value) ? value : {}, call))
  }

/** Answers instead of the server. */
const instead =
  (id: string, when: (call: Parameters<Fault>[0]) => boolean, response: () => Response): Fault =>
  async (call, answer) =>
    call.id === id && when(call) ? response() : answer()

const always = () => true
/** The nth request that means something: with a credential or a body. */
const nth = (n: number) => {
  let count = 0
  return ({ headers }: Parameters<Fault>[0]) =>
    (headers.has('authorization') || headers.has('content-type')) && ++count === n
}
/** Once the account was asked to be deactivated. */
const whileAway = (id: string, response: () => Response): Fault => {
  let away = false
  return async (call, answer) => {
    if (call.id === 'com.atproto.server.deactivateAccount' && call.headers.has('authorization')) away = true
    if (call.id === 'com.atproto.server.activateAccount') away = false
    return away && call.id === id ? response() : answer()
  }
}
const bodyHas =
  (id: string, text: string, response: () => Response): Fault =>
  async (call, answer) =>
    call.id === id && (await call.body()).includes(text) ? response() : answer()

const RESOLVE = 'com.atproto.identity.resolveHandle'
const CREATE_SESSION = 'com.atproto.server.createSession'
const GET_SESSION = 'com.atproto.server.getSession'
const REFRESH = 'com.atproto.server.refreshSession'
const NOBODY = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

const identityFaults: readonly Planted[] = [
  {
    rule: 'identity.server-did',
    name: 'the DID of another host',
    fault: json('com.atproto.server.describeServer', (it) => ({ ...it, did: 'did:web:other.example.com' })),
  },
  { rule: 'identity.health', name: 'no health', fault: instead('_health', always, () => refuse(404)) },
  {
    rule: 'identity.resolves-handle',
    name: 'somebody else’s DID',
    fault: json(RESOLVE, (it, { params }) => (params.get('handle')?.match(/[A-Z]/) ? it : { did: NOBODY })),
  },
  {
    rule: 'identity.handle-case',
    name: 'capitals are strange',
    fault: instead(RESOLVE, ({ params }) => /[A-Z]/.test(params.get('handle') ?? ''), refuse),
  },
  {
    rule: 'identity.unknown-handle',
    name: 'every name is somebody’s',
    fault: instead(
      RESOLVE,
      ({ params }) => params.get('handle')?.endsWith('.invalid') ?? false,
      () => give({ did: NOBODY }),
    ),
  },
  {
    rule: 'identity.document',
    name: 'the document names another server',
    fault: json('com.atproto.repo.describeRepo', (it) => ({
      ...it,
      didDoc: JSON.parse(JSON.stringify(it['didDoc']).replaceAll(ORIGIN, 'https://old.example.com')),
    })),
  },
  {
    rule: 'identity.agrees',
    name: 'other collections by handle',
    fault: json('com.atproto.repo.describeRepo', (it, { params }) =>
      params.get('repo')?.startsWith('did:') ? it : { ...it, collections: ['com.example.other'] },
    ),
  },
  {
    rule: 'identity.well-known',
    name: 'more than a DID',
    fault: instead('/.well-known/atproto-did', always, () => new Response(`${NOBODY} and a comment`)),
  },
]

const sessionFaults: readonly Planted[] = [
  {
    rule: 'session.opens',
    name: 'the password is wrong the second time',
    during: 'sessions',
    fault: instead(CREATE_SESSION, nth(2), () => refuse(401, 'AuthenticationRequired')),
  },
  {
    rule: 'session.by-did',
    name: 'handles only',
    fault: bodyHas(CREATE_SESSION, '"did:', () => refuse(401, 'AuthenticationRequired')),
    also: ['session.ends', 'session.apart', 'session.ends-at-once'],
  },
  {
    rule: 'session.same-account',
    name: 'somebody else’s session',
    fault: json(GET_SESSION, (it) => ({ ...it, did: NOBODY })),
  },
  {
    rule: 'session.purpose',
    name: 'a refresh token opens everything',
    during: 'sessions',
    fault: instead(GET_SESSION, nth(2), () => give({})),
  },
  {
    rule: 'session.refreshes',
    name: 'the new access token is dead',
    fault: json(REFRESH, (it) => ({ ...it, accessJwt: 'a.b.c' })),
    also: ['session.apart'],
  },
  {
    rule: 'session.refresh-grace',
    name: 'a refresh token once only',
    during: 'sessions',
    fault: instead(REFRESH, nth(3), () => refuse(400, 'ExpiredToken')),
  },
  {
    rule: 'session.ends',
    name: 'a session is never over',
    during: 'sessions',
    fault: instead(REFRESH, nth(4), () => give({})),
  },
  {
    rule: 'session.ends-at-once',
    name: 'access tokens live on',
    during: 'sessions',
    fault: instead(GET_SESSION, nth(4), () => give({})),
  },
  {
    rule: 'session.apart',
    name: 'one ends all',
    during: 'sessions',
    fault: instead(GET_SESSION, nth(5), () => refuse(400, 'ExpiredToken')),
  },
  {
    rule: 'session.wrong-password',
    name: 'it says whether the name exists',
    fault: bodyHas(CREATE_SESSION, 'nobody-has-this', () => refuse(400, 'NoSuchAccount')),
  },
]

const SERVICE_AUTH = 'com.atproto.server.getServiceAuth'
const RECOMMENDED = 'com.atproto.identity.getRecommendedDidCredentials'
const leavingFaults: readonly Planted[] = [
  {
    rule: 'leaving.service-auth',
    name: 'a token of somebody else',
    fault: json(SERVICE_AUTH, (it) => ({ token: String(it['token']).replace(/.{20}$/, 'A'.repeat(20)) })),
  },
  {
    rule: 'leaving.service-auth-limits',
    name: 'a token from the past',
    fault: instead(
      SERVICE_AUTH,
      ({ params }) => params.has('exp'),
      () => give({ token: 'a.b.c' }),
    ),
  },
  {
    rule: 'leaving.recommended-credentials',
    name: 'another server recommended',
    fault: json(RECOMMENDED, (it) => ({ ...it, services: {} })),
  },
  {
    rule: 'leaving.recommended-credentials',
    name: 'no rotation key',
    fault: json(RECOMMENDED, (it) => ({ ...it, rotationKeys: [] })),
  },
  {
    rule: 'leaving.status',
    name: 'an old revision',
    fault: json('com.atproto.server.checkAccountStatus', (it) => ({ ...it, repoRev: '3jzfcijpj2z2a' })),
  },
  {
    rule: 'leaving.missing-blobs',
    name: 'a blob too many',
    fault: json('com.atproto.repo.listMissingBlobs', () => ({ blobs: [{ cid: 'x', recordUri: 'y' }] })),
  },
  {
    rule: 'leaving.signature-needs-code',
    name: 'signs for anyone with a session',
    fault: instead('com.atproto.identity.signPlcOperation', always, () => give({ operation: {} })),
  },
  {
    rule: 'leaving.submits-only-valid',
    name: 'submits anything',
    fault: instead('com.atproto.identity.submitPlcOperation', always, () => give({})),
  },
]

const CREATE_APP = 'com.atproto.server.createAppPassword'
const LIST_APP = 'com.atproto.server.listAppPasswords'
const appFaults: readonly Planted[] = [
  {
    rule: 'app-password.signs-in',
    name: 'apps may not write',
    fault: instead('com.atproto.repo.createRecord', always, () => refuse(403, 'Forbidden')),
  },
  {
    rule: 'app-password.listed',
    name: 'not listed',
    fault: json(LIST_APP, () => ({ passwords: [] })),
  },
  {
    rule: 'app-password.once',
    name: 'the same name twice',
    during: 'app-passwords',
    fault: instead(CREATE_APP, nth(2), () => give({ name: 'x', password: 'xxxx-xxxx', createdAt: '' })),
  },
  {
    rule: 'app-password.limits',
    name: 'apps make apps',
    during: 'app-passwords',
    fault: instead(CREATE_APP, nth(3), () => give({ name: 'x', password: 'xxxx-xxxx', createdAt: '' })),
  },
  {
    rule: 'app-password.limits',
    name: 'apps get tokens for createAccount',
    fault: instead(SERVICE_AUTH, always, () => give({ token: 'a.b.c' })),
  },
  {
    rule: 'app-password.revoked',
    name: 'revoked ones refresh',
    fault: instead(REFRESH, always, () => give({})),
  },
]

const STATUS = 'com.atproto.sync.getRepoStatus'
const lifecycleFaults: readonly Planted[] = [
  {
    rule: 'lifecycle.says-so',
    name: 'active for ever',
    fault: json(STATUS, (it) => ({ ...it, active: true, status: undefined })),
  },
  {
    rule: 'lifecycle.public-reads',
    name: 'blobs stay public',
    fault: async ({ id }, answer) => {
      const response = await answer()
      return id === 'com.atproto.sync.getBlob' && response.status !== 200 ? give({}) : response
    },
    also: ['lifecycle.refusal-name'],
  },
  {
    rule: 'lifecycle.probes',
    name: 'the server is not described',
    fault: whileAway('com.atproto.server.describeServer', refuse),
  },
  {
    rule: 'lifecycle.handle-probe',
    name: 'the handle is gone',
    fault: instead(RESOLVE, always, refuse),
  },
  {
    rule: 'lifecycle.no-writes',
    name: 'records are taken',
    fault: instead('com.atproto.repo.createRecord', always, () => give({ uri: '', cid: '' })),
    also: ['lifecycle.refusal-name'],
  },
  {
    rule: 'lifecycle.refusal-name',
    name: 'a name that nobody knows',
    fault: async ({ id }, answer) => {
      const response = await answer()
      return id === 'com.atproto.sync.getRepo' && response.status === 400 ? refuse(400, 'Away') : response
    },
  },
  {
    rule: 'lifecycle.owner-reads',
    name: 'the owner is locked out',
    fault: whileAway(CREATE_SESSION, () => refuse(403, 'AccountDeactivated')),
  },
  {
    rule: 'lifecycle.deactivates',
    name: 'not to be deactivated',
    fault: async ({ id }, answer) => {
      const response = await answer()
      return id === 'com.atproto.server.deactivateAccount' ? refuse(403, 'Forbidden') : response
    },
  },
  {
    rule: 'lifecycle.comes-back',
    name: 'comes back without its records',
    during: 'lifecycle',
    fault: (() => {
      let count = 0
      return json('com.atproto.repo.listRecords', (it) => (++count > 2 ? { records: [] } : it))
    })(),
  },
  {
    rule: 'lifecycle.events',
    name: 'nothing is told of it',
    frames: ({ type, bytes }) => (type === '#account' ? [] : [bytes]),
  },
  {
    rule: 'lifecycle.events',
    name: 'a #sync before the #account',
    frames: (() => {
      const held: Uint8Array[] = []
      return ({ type, body, bytes }) => {
        if (type === '#account' && body['active'] === true) held.push(bytes)
        else if (type === '#sync' || type === '#commit') return [bytes, ...held.splice(0)]
        else return [bytes]
        return []
      }
    })(),
  },
]

const isCommit = ({ type }: Parameters<SpoilFrame>[0]): boolean => type === '#commit'
const isReplay = ({ url }: Parameters<SpoilFrame>[0]): boolean => url.searchParams.get('cursor') === '0'
const commitWith =
  (change: (body: JsonObject) => JsonObject): SpoilFrame =>
  (sent) =>
    isCommit(sent) ? [frameWith(sent, change(sent.body))] : [sent.bytes]

const SUBSCRIBE = 'com.atproto.sync.subscribeRepos'
const firehoseFaults: readonly Planted[] = [
  {
    rule: 'firehose.opens',
    name: 'the stream is for relays only',
    fault: async ({ id, headers }, answer) =>
      id === SUBSCRIBE && headers.has('upgrade') ? refuse(403, 'Forbidden') : answer(),
  },
  {
    rule: 'firehose.sync',
    name: 'a #sync without its commit',
    frames: (sent) => [
      sent.type === '#sync' && sent.body['blocks'] instanceof Uint8Array
        ? frameWith(sent, { blocks: sent.body['blocks'].slice(0, -1) })
        : sent.bytes,
    ],
  },
  {
    rule: 'firehose.plain-request',
    name: 'a plain request is answered',
    fault: instead(
      SUBSCRIBE,
      ({ headers }) => !headers.has('upgrade'),
      () => give({}),
    ),
  },
  {
    rule: 'firehose.frames',
    name: 'bytes that are not CBOR',
    frames: (sent) => (isReplay(sent) ? [new Uint8Array([0xff, 0xff])] : [sent.bytes]),
    also: [],
  },
  {
    rule: 'firehose.sequence',
    name: 'numbers go back',
    frames: (sent) => [isReplay(sent) && sent.index === 2 ? frameWith(sent, { seq: 1 }) : sent.bytes],
    also: ['firehose.replay'],
  },
  {
    rule: 'firehose.schema',
    name: 'a time is missing',
    frames: (sent) => [sent.type === '#account' ? frameWith(sent, { time: undefined }) : sent.bytes],
  },
  {
    rule: 'firehose.replay',
    name: 'other bytes the second time',
    frames: (sent) =>
      isReplay(sent) || !sent.url.searchParams.has('cursor') || sent.type === ''
        ? [sent.bytes]
        : [frameWith(sent, { time: '2020-01-01T00:00:00.000Z' })],
  },
  {
    rule: 'firehose.future-cursor',
    name: 'the future is empty',
    frames: (sent) => (sent.type === '' ? [] : [sent.bytes]),
    also: ['firehose.bad-cursor'],
  },
  {
    rule: 'firehose.commit-blocks',
    name: 'blocks of something else',
    frames: commitWith(({ blocks }) => ({
      blocks: blocks instanceof Uint8Array ? blocks.slice(0, -1) : blocks,
    })),
    also: ['firehose.inverts', 'firehose.chain'],
  },
  {
    rule: 'firehose.inverts',
    name: 'prevData of another tree',
    frames: commitWith(({ prevData, commit }) => (prevData ? { prevData: commit } : {})),
    also: ['firehose.chain'],
  },
  {
    rule: 'firehose.chain',
    name: 'since is an older revision',
    frames: commitWith(({ since }) => (since ? { since: '3jzfcijpj2z2a' } : {})),
  },
  {
    rule: 'firehose.tells-writes',
    name: 'a write is lost',
    frames: (() => {
      let live = 0
      return (sent) =>
        isCommit(sent) && !sent.url.searchParams.has('cursor') && ++live === 1 ? [] : [sent.bytes]
    })(),
    also: ['firehose.chain', 'firehose.same-for-all'],
  },
  {
    rule: 'firehose.same-for-all',
    name: 'each subscriber gets other bytes',
    frames: (sent) => [
      isCommit(sent) && !sent.url.searchParams.has('cursor') && sent.socket % 2 === 0
        ? frameWith(sent, { time: '2020-01-01T00:00:00.000Z' })
        : sent.bytes,
    ],
  },
]

export const flowFaults: readonly Planted[] = [
  ...identityFaults,
  ...sessionFaults,
  ...leavingFaults,
  ...appFaults,
  ...lifecycleFaults,
  ...firehoseFaults,
]
