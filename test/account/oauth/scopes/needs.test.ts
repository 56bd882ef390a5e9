import { expect, test } from 'vitest'
import { createNeeds } from '../../../../src/account/oauth/scopes/needs.ts'
import { readPermissions } from '../../../../src/account/oauth/scopes/readPermissions.ts'
import { scopeNeeded } from '../../../../src/account/oauth/scopes/scopeNeeded.ts'

// As each method of the reference asserts it (@atproto/pds, dist/api).
const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const { ofCall: needsOf, ofMethod } = createNeeds({ appView: 'did:web:api.example#bsky_appview' })
const POST = 'app.bsky.feed.post'
const repo = DID

test('a write needs its action on its collection', () => {
  const params = {}
  const create = needsOf('com.atproto.repo.createRecord', {
    params,
    input: { repo, collection: POST, record: {} },
  })
  expect(create.map(scopeNeeded)).toEqual(['repo:app.bsky.feed.post?action=create'])
  const remove = needsOf('com.atproto.repo.deleteRecord', {
    params,
    input: { repo, collection: POST, rkey: 'a' },
  })
  expect(remove.map(scopeNeeded)).toEqual(['repo:app.bsky.feed.post?action=delete'])
})

test('putRecord needs both, also where it does only one', () => {
  const needs = needsOf('com.atproto.repo.putRecord', {
    params: {},
    input: { repo, collection: POST, rkey: 'a', record: {} },
  })
  expect(needs.map(scopeNeeded)).toEqual([
    'repo:app.bsky.feed.post?action=create',
    'repo:app.bsky.feed.post?action=update',
  ])
})

test('applyWrites needs what each of its writes does, whatever other fields the write has', () => {
  const needs = needsOf('com.atproto.repo.applyWrites', {
    params: {},
    input: {
      repo,
      writes: [
        { $type: 'com.atproto.repo.applyWrites#create', collection: POST, value: {} },
        {
          $type: 'com.atproto.repo.applyWrites#update',
          collection: 'com.example.note',
          rkey: 'a',
          value: {},
        },
        { $type: 'com.atproto.repo.applyWrites#delete', collection: POST, rkey: 'a' },
        Object.assign({ value: {} }, {
          $type: 'com.atproto.repo.applyWrites#delete',
          collection: POST,
          rkey: 'b',
        } as const),
      ],
    },
  })
  expect(needs.map(scopeNeeded)).toEqual([
    'repo:app.bsky.feed.post?action=create',
    'repo:com.example.note?action=update',
    'repo:app.bsky.feed.post?action=delete',
    'repo:app.bsky.feed.post?action=delete',
  ])
})

test('an upload needs its type as it is declared; the wildcard that goat declares is no type that can be granted', () => {
  const upload = (encoding: string) =>
    needsOf('com.atproto.repo.uploadBlob', { params: {}, input: { encoding, body: new ReadableStream() } })
  expect(upload('image/png')).toEqual([{ resource: 'blob', mime: 'image/png' }])
  const allows = (scope: string, encoding: string) => upload(encoding).every(readPermissions(scope).allows)
  expect(allows('blob:image/*', 'image/png')).toBe(true)
  expect(allows('blob:*/*', '*/*')).toBe(false)
  expect(allows('transition:generic', '*/*')).toBe(true)
})

test('a service token needs its method and its audience as they are asked for', () => {
  const ask = (params: { aud: string; lxm?: string }) =>
    needsOf('com.atproto.server.getServiceAuth', { params, input: undefined })
  const granted = (scope: string, params: { aud: string; lxm?: string }) =>
    ask(params).every(readPermissions(scope).allows)
  const aud = 'did:web:pds.example'
  expect(ask({ aud, lxm: POST })).toEqual([{ resource: 'rpc', lxm: POST, aud }])
  expect(ask({ aud })).toEqual([{ resource: 'rpc', lxm: '*', aud }])
  // What PDS MOover asks for.
  const mover = 'atproto rpc:com.atproto.server.createAccount?aud=*'
  expect(granted(mover, { aud, lxm: 'com.atproto.server.createAccount' })).toBe(true)
  expect(granted(mover, { aud })).toBe(false)
  expect(granted('atproto transition:generic', { aud })).toBe(true)
  const service = 'rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app#bsky_appview'
  expect(
    granted(service, { aud: 'did:web:api.bsky.app#bsky_appview', lxm: 'app.bsky.feed.getTimeline' }),
  ).toBe(true)
  expect(granted(service, { aud: 'did:web:api.bsky.app', lxm: 'app.bsky.feed.getTimeline' })).toBe(false)
})

test('preferences, which are kept here, need the scope of the AppView that clients ask for them, whatever the body', () => {
  expect(ofMethod('app.bsky.actor.getPreferences').map(scopeNeeded)).toEqual([
    'rpc:app.bsky.actor.getPreferences?aud=did:web:api.example%23bsky_appview',
  ])
  expect(ofMethod('com.atproto.server.getSession')).toEqual([])
  expect(needsOf('com.atproto.server.getSession', { params: {}, input: undefined })).toEqual([])
})
