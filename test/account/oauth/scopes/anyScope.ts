import * as fc from 'fast-check'

const NSIDS = [
  'app.bsky.feed.post',
  'app.bsky.feed.like',
  'chat.bsky.convo.sendMessage',
  'com.example.note',
  '*',
]
const AUDIENCES = [
  '*',
  'did:web:api.bsky.app#bsky_appview',
  'did:web:api.bsky.chat%23bsky_chat',
  'did:web:nowhere',
]
const TYPES = ['*/*', 'image/*', 'image/png', 'Video/MP4', 'text', 'a/*/b']
const ACTIONS = ['create', 'update', 'delete', 'read', 'manage', 'admin']
const NAMES = ['collection', 'action', 'lxm', 'aud', 'accept', 'attr', 'nsid', 'x']
const VALUES = [
  ...NSIDS,
  ...AUDIENCES,
  ...TYPES,
  ...ACTIONS,
  'email',
  'repo',
  'status',
  'handle',
  '%',
  '%zz',
  '',
]

const value = fc.constantFrom(...VALUES)
const param = fc.tuple(fc.constantFrom(...NAMES), value).map(([name, of]) => `${name}=${of}`)
const resource = fc.constantFrom(
  'repo',
  'rpc',
  'blob',
  'account',
  'identity',
  'include',
  'transition',
  'Repo',
  '',
)
/** Anything that looks like a scope; few are one. */
const shaped = fc
  .tuple(resource, fc.option(value), fc.array(param, { maxLength: 3 }))
  .map(
    ([name, of, params]) =>
      name + (of === null ? '' : `:${of}`) + (params.length ? `?${params.join('&')}` : ''),
  )

const actions = fc
  .subarray(['create', 'update', 'delete'])
  .map((of) => of.map((action) => `action=${action}`))
const query = (params: string[]): string => (params.length ? `?${params.join('&')}` : '')
/** Scopes, most of which are valid. */
const valid = fc.oneof(
  fc.constantFrom('atproto', 'transition:generic', 'transition:email', 'transition:chat.bsky', 'identity:*'),
  fc.constantFrom(
    'identity:handle',
    'account:email',
    'account:repo?action=manage',
    'account:status?action=read',
  ),
  fc.tuple(fc.constantFrom(...NSIDS), actions).map(([of, with_]) => `repo:${of}${query(with_)}`),
  fc
    .tuple(fc.constantFrom(...NSIDS), fc.constantFrom(...AUDIENCES))
    .map(([of, aud]) => `rpc:${of}?aud=${aud}`),
  fc.constantFrom(...TYPES).map((type) => `blob:${type}`),
  fc
    .subarray(TYPES, { minLength: 1 })
    .map((types) => `blob?${types.map((type) => `accept=${type}`).join('&')}`),
)

/** A scope value: valid, malformed, or unknown. */
export const anyScopeValue = fc.oneof({ weight: 3, arbitrary: valid }, shaped, fc.string({ maxLength: 12 }))

export const anyScope = fc.array(anyScopeValue, { maxLength: 6 }).map((values) => values.join(' '))
