import type { MethodId } from '../../src/generated/methods.ts'
import type { CredentialKind } from '../../src/policy.ts'
import type { Ask } from './ask.ts'

export interface Step {
  id: MethodId
  name: string
  request: Ask
  /** 200 unless given. */
  status?: number
  /** The answer has one of these. */
  errors?: string[]
}

/** Who makes the calls: the account, and a token for each kind of credential that there is. */
export interface Caller {
  tokens: Partial<Record<CredentialKind, string>>
  did: string
}

/** Methods that the suite never calls with success, and why. */
export const NOT_EXERCISED: Partial<Record<MethodId, string>> = {
  'com.atproto.server.createAccount': 'an account can be created only once, and not removed again',
  'com.atproto.repo.importRepo': 'it would replace the repository',
  'com.atproto.identity.signPlcOperation': 'a signed operation does not expire',
  'com.atproto.identity.submitPlcOperation': 'it would change the identity',
  'com.atproto.identity.updateHandle':
    'it would announce the identity, and asks the network about the handle',
  'com.cirrus.admin.addRecoveryKey': 'it would change the identity',
  'com.cirrus.admin.beginRepoUpload': 'it would replace the repository',
  'com.cirrus.admin.uploadRepoPart': 'the same',
  'com.cirrus.admin.cancelPull': 'it would end a pull that runs',
  'com.cirrus.admin.pullRepo': 'it would replace the repository',
  'com.cirrus.admin.deleteAccount': 'it would delete the account',
  'com.cirrus.admin.rotateSigningKey': 'it would change the identity',
  'com.cirrus.admin.updateDidWeb': 'the same',
  'com.cirrus.admin.updateHandle': 'the same',
  'com.cirrus.admin.updatePds': 'it would announce the identity, and call relays',
  'com.atproto.server.confirmEmail': 'no mail is sent',
  'com.atproto.server.deleteAccount': 'no mail is sent',
  'com.atproto.server.requestAccountDelete': 'no mail is sent',
  'com.atproto.server.requestEmailConfirmation': 'no mail is sent',
  'com.atproto.server.requestEmailUpdate': 'no mail is sent',
  'com.atproto.server.requestPasswordReset': 'no mail is sent',
  'com.atproto.server.resetPassword': 'no mail is sent',
  'com.atproto.server.updateEmail': 'no mail is sent',
  'com.cirrus.admin.voidPlcOperation': 'it would change the identity',
  'com.cirrus.admin.endSessions': "it would sign the owner's clients out",
  'com.cirrus.admin.recordVerification': 'the account did not move',
  'com.cirrus.admin.raiseRevFloor': 'it would raise the revision for ever',
  'com.cirrus.admin.releaseRetention': 'it takes the handle, typed',
  'com.cirrus.admin.requestCrawl': 'it would call relays',
}

const COLLECTION = 'app.bsky.feed.post'
const NOW = '2026-01-01T00:00:00.000Z'

type Json = Record<string, unknown>

const object = (value: unknown): Json => Object(value)
const rkeyOf = (json: unknown): string => String(object(json).uri).split('/').at(-1) ?? ''

/**
 * Every successful call that can be undone, in an order in which each finds what it needs, and with them the refusals
 * that follow from that order. Yields each step and is given the JSON of its answer, or nothing if the method is not
 * served.
 */
export function* positivePaths({ tokens, did }: Caller): Generator<Step, void, unknown> {
  const as = (kind: CredentialKind): Record<string, string> => ({ authorization: tokens[kind] ?? '' })
  const get = (id: MethodId, name: string, query: Ask['query'] = {}, headers = as('session')): Step => ({
    id,
    name,
    request: { query, headers },
  })
  const post = (id: MethodId, name: string, body?: Json, headers = as('session')): Step => ({
    id,
    name,
    request: {
      verb: 'POST',
      headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    },
  })
  const record = (note: string, more: Json = {}): Json => ({
    $type: COLLECTION,
    text: note,
    createdAt: NOW,
    ...more,
  })
  const at = { repo: did, collection: COLLECTION }

  const created = yield post('com.atproto.repo.createRecord', 'creates a record', {
    ...at,
    record: record('created'),
  })
  const rkey = rkeyOf(created)
  yield get('com.atproto.repo.getRecord', 'reads it back', { ...at, rkey }, {})
  yield post('com.atproto.repo.putRecord', 'replaces it', {
    ...at,
    rkey,
    record: record('replaced'),
    swapRecord: object(created).cid,
  })
  yield {
    ...post('com.atproto.repo.putRecord', 'refuses to replace what is no longer there', {
      ...at,
      rkey,
      record: record('too late'),
      swapRecord: object(created).cid,
    }),
    status: 400,
    errors: ['InvalidSwap'],
  }
  const uploaded = yield {
    id: 'com.atproto.repo.uploadBlob',
    name: 'uploads a blob',
    request: {
      verb: 'POST',
      headers: { ...as('session'), 'content-type': 'text/plain' },
      body: new TextEncoder().encode('contract suite'),
    },
  }
  const blob = object(uploaded).blob
  const image = { $type: 'com.example.contract', note: 'refers to a blob', blob }
  const cid = String(object(object(blob).ref).$link)
  const holder = yield post('com.atproto.repo.createRecord', 'refers to it', {
    repo: did,
    collection: 'com.example.contract',
    record: image,
    validate: false,
  })
  yield get('com.atproto.sync.getBlob', 'serves it', { did, cid }, {})
  yield get('com.atproto.repo.listMissingBlobs', 'misses no blob')
  const writes = yield post('com.atproto.repo.applyWrites', 'applies two writes', {
    repo: did,
    writes: ['one', 'two'].map((note) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: COLLECTION,
      value: record(note),
    })),
  })
  const results = object(writes).results
  yield post('com.atproto.repo.applyWrites', 'applies the two deletions', {
    repo: did,
    writes: (Array.isArray(results) ? results : []).map((result) => ({
      $type: 'com.atproto.repo.applyWrites#delete',
      collection: COLLECTION,
      rkey: rkeyOf(result),
    })),
  })
  yield post('com.atproto.repo.deleteRecord', 'deletes the record', { ...at, rkey })
  yield post('com.atproto.repo.deleteRecord', 'deletes it again', { ...at, rkey })
  yield post('com.atproto.repo.deleteRecord', 'deletes the one with the blob', {
    repo: did,
    collection: 'com.example.contract',
    rkey: rkeyOf(holder),
  })
  const preferences = yield get('app.bsky.actor.getPreferences', 'reads the preferences')
  if (preferences !== undefined)
    yield post('app.bsky.actor.putPreferences', 'puts them back as they were', {
      preferences: object(preferences).preferences,
    })
  const name = 'contract suite'
  // A run that was broken off may have left one.
  yield post('com.atproto.server.revokeAppPassword', 'revokes an app password that may not be there', {
    name,
  })
  yield post('com.atproto.server.createAppPassword', 'makes an app password', { name })
  yield get('com.atproto.server.listAppPasswords', 'lists the app passwords')
  yield post('com.atproto.server.revokeAppPassword', 'revokes it', { name })
  yield post('com.atproto.server.reserveSigningKey', 'names the signing key', { did }, {})
  yield post('com.atproto.identity.requestPlcOperationSignature', 'is asked for a signature')
  yield get('com.atproto.server.getServiceAuth', 'gives a service token', {
    aud: 'did:web:example.com',
    lxm: 'com.atproto.sync.getRepo',
  })
  yield* migration(tokens, post, get)
  yield post('com.atproto.server.deactivateAccount', 'deactivates the account', {})
  yield {
    ...post('com.atproto.repo.createRecord', 'writes nothing while deactivated', {
      ...at,
      record: record('refused'),
    }),
    status: 403,
    errors: ['AccountDeactivated'],
  }
  yield {
    ...get('com.atproto.sync.getLatestCommit', 'hides the repository while deactivated', { did }, {}),
    status: 400,
    errors: ['RepoDeactivated'],
  }
  yield get('com.atproto.sync.getRepoStatus', 'reports its state while deactivated', { did }, {})
  yield get('com.atproto.server.getSession', 'knows its owner while deactivated')
  yield post('com.atproto.server.activateAccount', 'activates it again')
  yield get('com.atproto.sync.getLatestCommit', 'shows the repository again', { did }, {})
  const fresh = yield post(
    'com.atproto.server.refreshSession',
    'refreshes the session',
    undefined,
    as('refresh'),
  )
  const refresh = { authorization: `Bearer ${String(object(fresh).refreshJwt)}` }
  yield post('com.atproto.server.deleteSession', 'signs out', undefined, refresh)
  yield {
    ...post('com.atproto.server.refreshSession', 'is signed out', undefined, refresh),
    status: 400,
    errors: ['ExpiredToken', 'InvalidToken'],
  }
}

/** The calls that need the admin's password. */
function* migration(
  tokens: Caller['tokens'],
  post: (id: MethodId, name: string, body?: Json, headers?: Record<string, string>) => Step,
  get: (id: MethodId, name: string, query?: Ask['query'], headers?: Record<string, string>) => Step,
): Generator<Step, void, unknown> {
  if (tokens.admin === undefined) return
  const admin = { authorization: tokens.admin }
  const minted = yield post(
    'com.cirrus.admin.createMigrationToken',
    'mints a token',
    { scope: ['repo:read'] },
    admin,
  )
  const bearer = { authorization: `Bearer ${String(object(minted).token)}` }
  yield get('com.cirrus.admin.getManifest', 'reads with the token', {}, bearer)
  yield get('com.cirrus.admin.checkMigration', 'sees whether the account can leave', {}, bearer)
  yield {
    ...get('app.bsky.actor.getPreferences', 'reads no more than the token opens', {}, bearer),
    status: 400,
    errors: ['InvalidToken'],
  }
  yield post('com.cirrus.admin.revokeMigrationTokens', 'revokes it', undefined, admin)
  yield post('com.cirrus.admin.signStatement', 'signs a hash', { digest: 'ab'.repeat(32) }, admin)
  yield post('com.cirrus.admin.fenceWrites', 'takes writes, as before', { minutes: 0 }, admin)
  yield post('com.cirrus.admin.emitIdentity', 'has the identity looked up again', undefined, admin)
}
