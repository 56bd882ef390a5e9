/**
 * Requests, scopes, and which scopes open which requests: asked of Cirrus in workerd, and of Cirrus and the reference PDS in
 * test/interop. No request changes an account: what is let in fails for another reason, or only reads.
 */

/** The AppView that both servers are configured with. */
export const APP_VIEW_DID = 'did:web:api.bsky.app'
const SERVICE = `${APP_VIEW_DID}#bsky_appview`
const CID = 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'
const POST = 'app.bsky.feed.post'
const NOTE = 'com.example.note'

export interface ScopeRequest {
  /** The path below `/xrpc/`, with the query. */
  path: string
  /** A POST where there is one. Text is sent as it is, with `type`. */
  body?: object | string
  type?: string
  headers?: Record<string, string>
}

/** Scopes that are granted beside `atproto`, by the names that the table has for them. */
export const SCOPES = {
  nothing: '',
  generic: 'transition:generic',
  emailTransition: 'transition:email',
  chat: 'transition:chat.bsky',
  everyRepo: 'repo:*',
  posts: 'repo:app.bsky.feed.post',
  createPosts: 'repo:app.bsky.feed.post?action=create',
  deleteNotes: 'repo?collection=com.example.note&collection=app.bsky.feed.like&action=delete',
  everyBlob: 'blob:*/*',
  images: 'blob:image/*',
  timeline: 'rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app#bsky_appview',
  timelineElsewhere: 'rpc:app.bsky.feed.getTimeline?aud=did:web:other.example%23bsky_appview',
  appView: 'rpc:*?aud=did:web:api.bsky.app%23bsky_appview',
  readPreferences: 'rpc:app.bsky.actor.getPreferences?aud=*',
  feedAlone: 'rpc:app.bsky.feed.getFeed?aud=*',
  feed: 'rpc?lxm=app.bsky.feed.getFeed&lxm=app.bsky.feed.getFeedSkeleton&aud=*',
  createAccount: 'rpc:com.atproto.server.createAccount?aud=*',
  push: 'rpc:app.bsky.notification.registerPush?aud=did:web:api.bsky.app%23bsky_notif',
  email: 'account:email',
  emailManage: 'account:email?action=manage',
  repoRead: 'account:repo',
  repoManage: 'account:repo?action=manage',
  statusRead: 'account:status',
  statusManage: 'account:status?action=manage',
  handle: 'identity:handle',
  identity: 'identity:*',
} as const

export type ScopeName = keyof typeof SCOPES

export const SCOPE_NAMES = Object.keys(SCOPES) as ScopeName[]

export interface ScopeRow {
  name: string
  request(account: { did: string }): ScopeRequest
  /** The scopes that open it; `all`: any grant, also without one. */
  openTo: readonly ScopeName[] | 'all'
  /** Those that open it on the reference PDS, where they are others. */
  onReference?: readonly ScopeName[]
}

const row = (
  name: string,
  openTo: readonly ScopeName[] | 'all',
  request: ScopeRequest | ((account: { did: string }) => ScopeRequest),
): ScopeRow => ({ name, openTo, request: typeof request === 'function' ? request : () => request })

/** A write that names a commit that never was the latest: where it is let in, it is `InvalidSwap`. */
const write = (name: string, openTo: readonly ScopeName[], method: string, body: object): ScopeRow =>
  row(name, openTo, ({ did }) => ({
    path: `com.atproto.repo.${method}`,
    body: { repo: did, swapCommit: CID, ...body },
  }))

const record = (collection: string) => ({
  collection,
  record: { $type: collection, text: 'hello', createdAt: '2026-11-22T00:00:00.000Z' },
})
const applied = (action: 'create' | 'update' | 'delete', collection: string) => ({
  $type: `com.atproto.repo.applyWrites#${action}`,
  collection,
  ...(action === 'create' ? {} : { rkey: 'a' }),
  ...(action === 'delete' ? {} : { value: record(collection).record }),
})

/** Also where a service token is asked for: whose method is not a chat's. */
const TIMELINE: ScopeName[] = ['generic', 'timeline', 'appView']

export const SCOPE_TABLE: readonly ScopeRow[] = [
  write('a post is created', ['generic', 'everyRepo', 'posts', 'createPosts'], 'createRecord', record(POST)),
  write('a post is put', ['generic', 'everyRepo', 'posts'], 'putRecord', { ...record(POST), rkey: 'a' }),
  write('a post is deleted', ['generic', 'everyRepo', 'posts'], 'deleteRecord', {
    collection: POST,
    rkey: 'a',
  }),
  write('a note is created', ['generic', 'everyRepo'], 'createRecord', record(NOTE)),
  write('a note is deleted', ['generic', 'everyRepo', 'deleteNotes'], 'deleteRecord', {
    collection: NOTE,
    rkey: 'a',
  }),
  write('a post is created among writes', ['generic', 'everyRepo', 'posts', 'createPosts'], 'applyWrites', {
    writes: [applied('create', POST)],
  }),
  write('a post is updated among writes', ['generic', 'everyRepo', 'posts'], 'applyWrites', {
    writes: [applied('update', POST)],
  }),
  write('a post is created and a note deleted', ['generic', 'everyRepo'], 'applyWrites', {
    writes: [applied('create', POST), applied('delete', NOTE)],
  }),

  row('a picture is uploaded', ['generic', 'everyBlob', 'images'], {
    path: 'com.atproto.repo.uploadBlob',
    body: 'a picture',
    type: 'image/png',
  }),
  row('a text is uploaded', ['generic', 'everyBlob'], {
    path: 'com.atproto.repo.uploadBlob',
    body: 'a text',
    type: 'text/plain; charset=utf-8',
  }),
  row('a blob is uploaded as of any type', ['generic'], {
    path: 'com.atproto.repo.uploadBlob',
    body: 'a blob',
    type: '*/*',
  }),

  row('preferences are read', ['generic', 'appView', 'readPreferences'], {
    path: 'app.bsky.actor.getPreferences',
  }),
  row('preferences are written', ['generic', 'appView'], {
    path: 'app.bsky.actor.putPreferences',
    body: { preferences: [{ no: 'type' }] },
  }),
  row('the timeline is read', TIMELINE, { path: 'app.bsky.feed.getTimeline' }),
  row('the timeline is read from the service that is named', TIMELINE, {
    path: 'app.bsky.feed.getTimeline',
    headers: { 'atproto-proxy': SERVICE },
  }),
  row('a feed is read', ['generic', 'appView', 'feed'], {
    path: 'app.bsky.feed.getFeed?feed=at://did:web:feeds.example/app.bsky.feed.generator/a',
  }),
  row('messages are read', ['chat', 'appView'], {
    path: 'chat.bsky.convo.listConvos',
    headers: { 'atproto-proxy': SERVICE },
  }),
  row('a method that nobody knows is asked for', ['generic', 'appView'], {
    path: 'com.example.unknown',
    headers: { 'atproto-proxy': SERVICE },
  }),
  row('a report is sent', ['generic', 'appView'], {
    path: 'com.atproto.moderation.createReport',
    body: {},
    headers: { 'atproto-proxy': SERVICE },
  }),
  row('a device is registered for notifications', ['generic', 'push'], {
    path: 'app.bsky.notification.registerPush',
    body: { serviceDid: APP_VIEW_DID, token: 'a', platform: 'web', appId: 'a' },
  }),
  {
    // As an app password, which it stands for, transition:generic moves no account here.
    ...row('a service token for createAccount is asked for', ['createAccount'], {
      path: 'com.atproto.server.getServiceAuth?aud=did:web:new.example&lxm=com.atproto.server.createAccount',
    }),
    onReference: ['generic', 'createAccount'],
  },
  row('a service token for the timeline is asked for', TIMELINE, {
    path: `com.atproto.server.getServiceAuth?aud=${encodeURIComponent(SERVICE)}&lxm=app.bsky.feed.getTimeline`,
  }),
  row('a service token for the timeline is asked for by the bare DID', ['generic'], {
    path: `com.atproto.server.getServiceAuth?aud=${APP_VIEW_DID}&lxm=app.bsky.feed.getTimeline`,
  }),
  row('a service token for messages is asked for', ['chat', 'appView'], {
    path: `com.atproto.server.getServiceAuth?aud=${encodeURIComponent(SERVICE)}&lxm=chat.bsky.convo.getLog`,
  }),

  row('the handle is changed', ['handle', 'identity'], {
    path: 'com.atproto.identity.updateHandle',
    body: { handle: 'not a handle' },
  }),
  row('a code for a PLC operation is asked for', ['identity'], {
    path: 'com.atproto.identity.requestPlcOperationSignature',
    body: '',
  }),
  row('a PLC operation is to be signed', ['identity'], {
    path: 'com.atproto.identity.signPlcOperation',
    body: { token: 'AAAAA-AAAAA' },
  }),
  row('a PLC operation is submitted', ['identity'], {
    path: 'com.atproto.identity.submitPlcOperation',
    body: { operation: {} },
  }),
  row('a repository is imported', ['repoManage'], {
    path: 'com.atproto.repo.importRepo',
    body: 'not a CAR',
    type: 'application/vnd.ipld.car',
  }),
  row('the account is deactivated', ['statusManage'], {
    path: 'com.atproto.server.deactivateAccount',
    body: { deleteAfter: 'not a time' },
  }),

  row('the session is asked for', 'all', { path: 'com.atproto.server.getSession' }),
  row('the status of the account is asked for', 'all', { path: 'com.atproto.server.checkAccountStatus' }),
  row('missing blobs are asked for', 'all', { path: 'com.atproto.repo.listMissingBlobs' }),
  row('credentials for the DID are asked for', 'all', {
    path: 'com.atproto.identity.getRecommendedDidCredentials',
  }),
  row('the repository is read', 'all', ({ did }) => ({ path: `com.atproto.sync.getRepo?did=${did}` })),

  row('an app password is made', [], { path: 'com.atproto.server.createAppPassword', body: { name: 'a' } }),
  row('app passwords are listed', [], { path: 'com.atproto.server.listAppPasswords' }),
  row('an app password is revoked', [], {
    path: 'com.atproto.server.revokeAppPassword',
    body: { name: 'a' },
  }),
  row('the account is activated', [], { path: 'com.atproto.server.activateAccount', body: '' }),
  row('a change of the address is asked for', [], {
    path: 'com.atproto.server.requestEmailUpdate',
    body: '',
  }),
  row('the deletion of the account is asked for', [], {
    path: 'com.atproto.server.requestAccountDelete',
    body: '',
  }),
  row('invite codes are asked for', [], { path: 'com.atproto.server.getAccountInviteCodes' }),
]

/** What a request and its scopes come to: let in, or which refusal. */
export const isOpen = (status: number, error: string | undefined): boolean =>
  !(status === 403 && (error === 'ScopeMissingError' || error === 'Forbidden'))

/** How a request is sent. */
export const initOf = ({ body, type, headers }: ScopeRequest): RequestInit => ({
  ...(body !== undefined && {
    method: 'POST',
    body: typeof body === 'string' ? body || null : JSON.stringify(body),
  }),
  headers: {
    ...(typeof body === 'object' && { 'content-type': 'application/json' }),
    ...(type !== undefined && { 'content-type': type }),
    ...headers,
  },
})
