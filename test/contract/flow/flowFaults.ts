/** What can be wrong with more than one method, each with the rule that finds it. */
import type { JsonObject } from '../../../src/isObject.ts'
import { parseJsonObject } from '../../../src/parseJsonObject.ts'
import { parseOperation } from '../../../src/plc/parse.ts'
import { HANDLE } from '../../support/deployment.ts'
import { NOWHERE } from '../../../src/contract/discover.ts'
import { ORIGIN } from '../deployed.ts'
import {
  after,
  always,
  bodyHas,
  change,
  despite,
  give,
  instead,
  isOfApp,
  isOfSession,
  isToRefresh,
  refuse,
  saysJson,
} from '../faults/plant.ts'
import { failsWith, isCall, json, on, type Planted, spoil } from '../repository/spoil.ts'
import type { Fault } from '../repository/world.ts'
import { frameWith, type SpoilFrame } from './workerSocket.ts'

/** While the account is deactivated. */
const whileAway = (id: string, response: () => Response): Fault => {
  let isAway = false
  return on([id, DEACTIVATE, ACTIVATE], async (call, answer) => {
    if (isAway && call.id === id && isCall(call)) return response()
    const given = await answer()
    if (isCall(call) && given.status === 200 && call.id === DEACTIVATE) isAway = true
    if (isCall(call) && given.status === 200 && call.id === ACTIVATE) isAway = false
    return given
  })
}

const DEACTIVATE = 'com.atproto.server.deactivateAccount'
const ACTIVATE = 'com.atproto.server.activateAccount'
const RESOLVE = 'com.atproto.identity.resolveHandle'
const CREATE_SESSION = 'com.atproto.server.createSession'
const GET_SESSION = 'com.atproto.server.getSession'
const REFRESH = 'com.atproto.server.refreshSession'
const NOBODY = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
/** What is said of the token of a session that was ended. */
const ENDED = ['ExpiredToken']

const identityFaults: readonly Planted[] = [
  {
    rule: 'identity.server-did',
    name: 'the DID of another host',
    fault: change('com.atproto.server.describeServer', (it) => ({ ...it, did: 'did:web:other.example.com' })),
  },
  { rule: 'identity.health', name: 'no health', fault: instead('_health', always, () => refuse(404)) },
  {
    rule: 'identity.resolves-handle',
    name: 'somebody else’s DID',
    fault: change(RESOLVE, (it, { params }) => (params.get('handle')?.match(/[A-Z]/) ? it : { did: NOBODY })),
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
    fault: change('com.atproto.repo.describeRepo', (it) => ({
      ...it,
      didDoc: JSON.parse(JSON.stringify(it['didDoc']).replaceAll(ORIGIN, 'https://old.example.com')),
    })),
  },
  {
    rule: 'identity.agrees',
    name: 'other collections by handle',
    fault: change('com.atproto.repo.describeRepo', (it, { params }) =>
      params.get('repo')?.startsWith('did:') ? it : { ...it, collections: ['com.example.other'] },
    ),
  },
  {
    rule: 'identity.well-known',
    name: 'more than a DID',
    fault: instead('/.well-known/atproto-did', always, () => new Response(`${NOBODY} and a comment`)),
  },
]

const SESSION = { accessJwt: 'a.b.c', refreshJwt: 'a.b.c', handle: HANDLE, did: NOBODY }

const sessionFaults: readonly Planted[] = [
  {
    rule: 'session.opens',
    name: 'the password opens one session only',
    elsewhere: ['app-password.signs-in', 'lifecycle.owner-reads'],
    because: 'the suite signs in again with an app password, and while the account is deactivated',
    fault: after(CREATE_SESSION, CREATE_SESSION, (call, answer) =>
      failsWith(CREATE_SESSION, () => refuse(401, 'AuthenticationRequired'))(call, answer),
    ),
  },
  {
    rule: 'session.by-did',
    name: 'handles only',
    elsewhere: ['app-password.signs-in'],
    because: 'the suite signs in with an app password by the DID',
    fault: instead(CREATE_SESSION, bodyHas('"did:'), () => refuse(401, 'AuthenticationRequired')),
  },
  {
    rule: 'session.same-account',
    name: 'somebody else’s session',
    fault: change(GET_SESSION, (it) => ({ ...it, did: NOBODY })),
  },
  {
    rule: 'session.purpose',
    name: 'a refresh token opens everything',
    elsewhere: ['credentials.house-weak'],
    because: 'a Cirrus promises the same of every method and credential',
    fault: instead(GET_SESSION, isToRefresh, () => give({ handle: HANDLE, did: NOBODY })),
  },
  {
    rule: 'session.purpose',
    name: 'an access token refreshes the session',
    elsewhere: ['credentials.house-weak'],
    because: 'a Cirrus promises the same of every method and credential',
    fault: instead(
      REFRESH,
      async (call) => isOfSession(call) && (await call.body()) === '',
      () => give(SESSION),
    ),
  },
  {
    rule: 'session.refreshes',
    name: 'the new access token is dead',
    fault: change(REFRESH, (it) => ({ ...it, accessJwt: 'a.b.c' })),
  },
  {
    rule: 'session.refresh-grace',
    name: 'a refresh token once only',
    fault: (() => {
      const used = new Set<string | null>()
      return spoil(REFRESH, (answer, _, { headers }) => {
        const token = headers.get('authorization')
        if (used.has(token)) return refuse(400, 'ExpiredToken')
        used.add(token)
        return answer
      })
    })(),
  },
  {
    rule: 'session.ends',
    name: 'a session is never over',
    elsewhere: ['app-password.revoked'],
    because: 'a revoked app password ends its sessions',
    fault: despite(REFRESH, ENDED, isToRefresh, () => give(SESSION)),
  },
  {
    rule: 'session.ends-at-once',
    name: 'access tokens live on',
    fault: despite(GET_SESSION, ENDED, isOfSession, () => give({ handle: HANDLE, did: NOBODY })),
  },
  {
    rule: 'session.apart',
    name: 'one ends all',
    fault: after(
      'com.atproto.server.deleteSession',
      GET_SESSION,
      failsWith(GET_SESSION, () => refuse(400, 'ExpiredToken')),
    ),
  },
  {
    rule: 'session.wrong-password',
    name: 'it says whether the name exists',
    fault: instead(CREATE_SESSION, bodyHas('nobody-has-this'), () => refuse(401, 'AuthenticationRequired')),
  },
]

const SERVICE_AUTH = 'com.atproto.server.getServiceAuth'
const RECOMMENDED = 'com.atproto.identity.getRecommendedDidCredentials'
const leavingFaults: readonly Planted[] = [
  {
    rule: 'leaving.service-auth',
    name: 'a token of somebody else',
    fault: change(SERVICE_AUTH, (it) => ({ token: String(it['token']).replace(/.{20}$/, 'A'.repeat(20)) })),
  },
  {
    rule: 'leaving.service-auth-limits',
    name: 'a token from the past',
    fault: despite(
      SERVICE_AUTH,
      ['BadExpiration'],
      ({ params }) => Number(params.get('exp')) * 1000 < Date.now(),
      () => give({ token: 'a.b.c' }),
    ),
  },
  {
    rule: 'leaving.recommended-credentials',
    name: 'another server recommended',
    fault: change(RECOMMENDED, (it) => ({ ...it, services: {} })),
  },
  {
    rule: 'leaving.recommended-credentials',
    name: 'no rotation key',
    fault: change(RECOMMENDED, (it) => ({ ...it, rotationKeys: [] })),
  },
  {
    rule: 'leaving.status',
    name: 'an old revision',
    fault: change('com.atproto.server.checkAccountStatus', (it) => ({ ...it, repoRev: '3jzfcijpj2z2a' })),
  },
  {
    rule: 'leaving.missing-blobs',
    name: 'a blob too many',
    fault: change('com.atproto.repo.listMissingBlobs', () => ({
      blobs: [{ cid: NOWHERE.blob, recordUri: `at://${NOBODY}/${NOWHERE.collection}/one` }],
    })),
  },
  {
    rule: 'leaving.signature-needs-code',
    name: 'signs for anyone with a session',
    fault: instead(
      'com.atproto.identity.signPlcOperation',
      async (call) => saysJson(call) && isOfSession(call) && (await call.body()) === '{}',
      () => give({ operation: {} }),
    ),
  },
  {
    rule: 'leaving.submits-only-valid',
    name: 'submits anything',
    fault: instead(
      'com.atproto.identity.submitPlcOperation',
      async (call) => isOfSession(call) && bodyHas('"prev":null')(call),
      () => new Response(null, json({})),
    ),
  },
]

const REQUEST_CODE = 'com.atproto.identity.requestPlcOperationSignature'
const SIGN = 'com.atproto.identity.signPlcOperation'
/** The signature that the suite asks for: it names the keys. */
const asksToSign = bodyHas('"rotationKeys"')

/** Signs with other names than it was asked to. */
const signsOtherNames: Fault = on(SIGN, async (call, answer) => {
  const asked = parseJsonObject(await call.body())
  if (!isCall(call) || !isOfSession(call) || asked['alsoKnownAs']?.toString() !== `at://${HANDLE}`)
    return answer()
  const body = JSON.stringify({ ...asked, alsoKnownAs: ['at://somebody.example.com'] })
  return call.deployed.fetch(
    new Request(`${ORIGIN}/xrpc/${SIGN}`, { method: 'POST', headers: call.headers, body }),
  )
})

const signatureFaults: readonly Planted[] = [
  {
    rule: 'signature.mails-code',
    name: 'no code for anyone',
    elsewhere: ['calls.house-works'],
    because: 'a Cirrus promises that the request does nothing',
    fault: failsWith(REQUEST_CODE, () => refuse(400)),
  },
  {
    rule: 'signature.only-that-code',
    name: 'any code signs while one is good',
    fault: instead(
      SIGN,
      async (call) => isOfSession(call) && (await asksToSign(call)) && bodyHas('AAAAA-BBBBB')(call),
      () => give({ operation: {} }),
    ),
  },
  {
    rule: 'signature.signs',
    name: 'the code does not sign',
    fault: failsWith(SIGN, () => refuse(400)),
  },
  {
    rule: 'signature.valid',
    name: 'an operation on another head',
    fault: change(SIGN, (it) => ({ operation: { ...Object(it['operation']), prev: NOWHERE.cid } })),
  },
  {
    rule: 'signature.valid',
    name: 'a signature by no rotation key',
    fault: change(SIGN, (it) => ({ operation: { ...Object(it['operation']), sig: 'A'.repeat(86) } })),
  },
  { rule: 'signature.as-asked', name: 'other names than asked for', fault: signsOtherNames },
  {
    rule: 'signature.not-sent',
    name: 'a signature is sent at once',
    fault: spoil(SIGN, async (answer, _, { deployed }) => {
      const { operation } = parseJsonObject(await answer.clone().text())
      await deployed.directory.add(deployed.did, parseOperation(operation))
      return answer
    }),
  },
  {
    rule: 'signature.code-once',
    name: 'a code signs for ever',
    fault: despite(SIGN, ['InvalidToken'], bodyHas('another.example.com'), () => give({ operation: {} })),
  },
]

const CREATE_APP = 'com.atproto.server.createAppPassword'
const LIST_APP = 'com.atproto.server.listAppPasswords'
const APP_PASSWORD = {
  name: 'another',
  password: 'aaaa-aaaa-aaaa-aaaa',
  createdAt: '2026-01-01T00:00:00.000Z',
}
const appFaults: readonly Planted[] = [
  {
    rule: 'app-password.signs-in',
    name: 'apps may not write',
    fault: instead('com.atproto.repo.createRecord', isOfApp, () => refuse(403, 'Forbidden')),
  },
  {
    rule: 'app-password.listed',
    name: 'not listed',
    fault: change(LIST_APP, () => ({ passwords: [] })),
  },
  {
    rule: 'app-password.once',
    name: 'the same name twice',
    fault: despite(CREATE_APP, ['InvalidRequest'], bodyHas('"contract suite"'), () => give(APP_PASSWORD)),
  },
  {
    rule: 'app-password.limits',
    name: 'apps make apps',
    fault: instead(CREATE_APP, isOfApp, () => give(APP_PASSWORD)),
  },
  {
    rule: 'app-password.limits',
    name: 'apps get tokens for createAccount',
    fault: instead(SERVICE_AUTH, isOfApp, () => give({ token: 'a.b.c' })),
  },
  {
    rule: 'app-password.revoked',
    name: 'revoked ones still sign in',
    fault: despite(
      CREATE_SESSION,
      ['AuthenticationRequired'],
      async (call) => /"\w{4}(-\w{4}){3}"/.test(await call.body()),
      () => give(SESSION),
    ),
  },
]

const STATUS = 'com.atproto.sync.getRepoStatus'
/** What is said while the account is deactivated. */
const AWAY = ['RepoDeactivated', 'AccountDeactivated']
const lifecycleFaults: readonly Planted[] = [
  {
    rule: 'lifecycle.says-so',
    name: 'active for ever',
    fault: change(STATUS, (it) => ({ ...it, active: true, status: undefined })),
  },
  {
    rule: 'lifecycle.public-reads',
    name: 'blobs stay public',
    fault: despite('com.atproto.sync.getBlob', AWAY, always, () => new Response('it', json({}))),
  },
  {
    rule: 'lifecycle.probes',
    name: 'the server is not described',
    fault: whileAway('com.atproto.server.describeServer', refuse),
  },
  {
    rule: 'lifecycle.handle-probe',
    name: 'the handle is gone',
    fault: whileAway(RESOLVE, refuse),
  },
  {
    rule: 'lifecycle.no-writes',
    name: 'records are taken',
    fault: despite('com.atproto.repo.createRecord', AWAY, always, () =>
      give({ uri: `at://${NOBODY}/com.example.contract/one`, cid: NOWHERE.cid }),
    ),
  },
  {
    rule: 'lifecycle.refusal-name',
    name: 'deactivated is told as suspended',
    fault: despite('com.atproto.sync.getRepo', AWAY, always, () => refuse(400, 'RepoSuspended')),
  },
  {
    rule: 'lifecycle.refusal-name',
    name: 'deactivated is told without a name',
    fault: despite('com.atproto.sync.getRepo', AWAY, always, () => json({ message: 'not here' }, 400)),
    also: ['answer.error-shape'],
    because: 'any error has a name',
  },
  {
    rule: 'lifecycle.owner-reads',
    name: 'the owner is locked out',
    fault: whileAway(CREATE_SESSION, () => refuse(403, 'AccountDeactivated')),
  },
  {
    rule: 'lifecycle.deactivates',
    name: 'not to be deactivated',
    fault: failsWith(DEACTIVATE, () => refuse(403, 'Forbidden')),
  },
  {
    rule: 'lifecycle.comes-back',
    name: 'comes back without its records',
    fault: after(
      ACTIVATE,
      'com.atproto.repo.listRecords',
      change('com.atproto.repo.listRecords', () => ({ records: [] })),
    ),
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
      return ({ type, body, bytes, url }) => {
        if (url.searchParams.has('cursor')) return [bytes]
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
    elsewhere: ['lifecycle.events'],
    because: 'no event comes where no stream opens',
    fault: on(SUBSCRIBE, ({ headers }, answer) =>
      headers.has('upgrade') ? refuse(403, 'Forbidden') : answer(),
    ),
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
  },
  {
    rule: 'firehose.sequence',
    name: 'numbers go back',
    frames: (sent) => [isReplay(sent) && sent.index === 2 ? frameWith(sent, { seq: 1 }) : sent.bytes],
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
  },
  {
    rule: 'firehose.bad-cursor',
    name: 'a word is the beginning',
    fault: on(SUBSCRIBE, ({ params, again }, answer) =>
      params.get('cursor') === 'not-a-number' ? again({ cursor: '0' }) : answer(),
    ),
  },
  {
    rule: 'firehose.commit-blocks',
    name: 'blocks of something else',
    frames: commitWith(({ blocks }) => ({
      blocks: blocks instanceof Uint8Array ? blocks.slice(0, -1) : blocks,
    })),
  },
  {
    rule: 'firehose.inverts',
    name: 'prevData of another tree',
    frames: commitWith(({ prevData, commit }) => (prevData ? { prevData: commit } : {})),
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
  ...signatureFaults,
  ...appFaults,
  ...lifecycleFaults,
  ...firehoseFaults,
]
