import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BUNDLED_SETS } from '../../../src/account/oauth/scopes/bundledSets.ts'
import { parseScope } from '../../../src/account/oauth/scopes/parseScope.ts'
import { createScopes } from '../../../src/account/oauth/scopes/scopes.ts'
import { type ConsentGroup, describeScope } from '../../../src/pages/consent/describeScope.ts'
import { shown } from '../../../src/pages/consent/phrases.ts'
import { anyScope, anyScopeValue } from '../../account/oauth/scopes/anyScope.ts'
import { SCOPE_NAMES, SCOPE_TABLE, SCOPES } from '../../account/oauth/support/scopeTable.ts'

const LANGUAGES = ['en', 'de'] as const

const texts = (groups: readonly ConsentGroup[], kind?: ConsentGroup['kind']): string[] =>
  groups
    .filter((group) => kind === undefined || group.kind === kind)
    .flatMap(({ lines }) => lines.map(({ text }) => text))

const told = (scope: string, language: 'en' | 'de' = 'en') =>
  Object.fromEntries(
    describeScope(scope, language).map(({ kind, lines }) => [kind, lines.map(({ text }) => text)]),
  )

describe('a scope in words', () => {
  test('says what a mover may do, the most dangerous first, and what it may not', () => {
    const mover =
      'atproto account:email rpc:com.atproto.server.createAccount?aud=* ' +
      'rpc:app.bsky.actor.getPreferences?aud=did:web:api.bsky.app#bsky_appview identity:* account:status?action=manage'
    expect(describeScope(mover, 'en').map(({ kind }) => kind)).toEqual(['control', 'private', 'read', 'not'])
    expect(told(mover)).toEqual({
      control: [
        'may change your identity and your handle: together with a migration token from you, this lets the app move your account away',
        'may deactivate your account: until you activate it again, nobody sees it',
        'may show any service that the account is yours, so that the account can be prepared there for a move',
      ],
      private: ['knows your e-mail address', 'may read your settings for Bluesky: saved feeds, muted words'],
      read: ['knows which account is yours: its handle and its DID'],
      not: [
        'may neither read nor send messages',
        'may not post, or change anything that you have posted',
        'may not put another repository in the place of yours',
        'never learns your passwords and passkeys, and cannot delete your account',
      ],
    })
  })

  test('names collections by what they are, what is open to the same actions together, what people know best first', () => {
    const scope =
      'atproto repo:app.bsky.feed.post repo:app.bsky.feed.like repo:com.example.note?action=create ' +
      'repo?collection=app.bsky.graph.follow&collection=app.bsky.feed.repost&action=create&action=delete ' +
      'blob?accept=image/*&accept=video/*'
    expect(told(scope).write).toEqual([
      'may create, change, and delete posts and likes',
      'may create and delete reposts and follows',
      'may create com.example.note',
      'may upload pictures and videos',
    ])
    expect(told(scope, 'de').write).toEqual([
      'darf Beiträge und Likes anlegen, ändern und löschen',
      'darf Reposts und Follows anlegen und löschen',
      'darf com.example.note anlegen',
      'darf Bilder und Videos hochladen',
    ])
    expect(told(scope).not).toEqual([
      'may neither read nor send messages',
      'may not change your handle or your identity: it cannot move your account away',
      'does not learn your e-mail address',
      'may not deactivate your account',
      'may not put another repository in the place of yours',
      'never learns your passwords and passkeys, and cannot delete your account',
    ])
  })

  test('does not say that posts stay as they are where the whole repository may be replaced', () => {
    const never = 'may not post, or change anything that you have posted'
    expect(told('atproto').not).toContain(never)
    expect(told('atproto account:repo').not).toContain(never)
    expect(told('atproto account:repo?action=manage').not).not.toContain(never)
  })

  test('says the same of a method however its name is spelled', () => {
    const chat = (name: string): string => `atproto rpc:${name}?aud=did:web:api.bsky.chat#bsky_chat`
    const move = (name: string): string => `atproto rpc:${name}?aud=*`
    for (const name of ['Chat.bsky.convo.getLog', 'chat.BSKY.convo.getlog'])
      for (const language of LANGUAGES)
        expect(told(chat(name), language)).toEqual(told(chat('chat.bsky.convo.getLog'), language))
    for (const name of ['com.atproto.server.createaccount', 'COM.atproto.server.createAccount'])
      expect(told(move(name))).toEqual(told(move('com.atproto.server.createAccount')))
    expect(told('atproto rpc:app.bsky.actor.GetPreferences?aud=*').private).toHaveLength(1)
  })

  test('has words for a method whose name is one that objects have', () => {
    for (const area of ['constructor', 'toString', 'valueOf'])
      expect(told(`atproto rpc:app.bsky.${area}.getIt?aud=*`).read).toContainEqual(
        expect.stringContaining(area),
      )
  })

  test('does not name a collection again that is open like all others', () => {
    expect(
      told('repo:*?action=create repo:app.bsky.feed.post?action=create repo:app.bsky.feed.like').write,
    ).toEqual([
      'may create everything in your repository: posts, likes, follows, your profile and what other apps keep there',
      'may change and delete likes',
    ])
  })

  test('tells of messages whatever way they are opened', () => {
    const messages = (scope: string) =>
      texts(describeScope(scope, 'en')).filter((text) => text.includes('messages'))
    const neither = 'may neither read nor send messages'
    expect(messages('atproto')).toEqual([neither])
    expect(messages('atproto transition:generic')).toEqual([
      expect.stringContaining('except for messages'),
      neither,
    ])
    const both = ['may read your messages', 'may send messages, and change your conversations']
    expect(messages('atproto transition:chat.bsky')).toEqual(both)
    const chat = 'aud=did:web:api.bsky.chat%23bsky_chat'
    expect(messages(`rpc:chat.bsky.convo.getMessages?${chat}`)).toEqual([both[0], 'may not send messages'])
    expect(messages(`rpc:chat.bsky.convo.sendMessage?${chat}`)).toEqual([
      both[1],
      'may not read your messages',
    ])
    // Whatever the service is: it may be the one for messages.
    expect(messages('rpc:*?aud=did:web:other.example%23service')).toEqual([])
  })

  test('says what is left of the identity where only the handle may be changed', () => {
    expect(told('identity:handle')).toMatchObject({
      control: ['may change your handle, the name by which people find you'],
      not: expect.arrayContaining(['may not change your identity: it cannot move your account away']),
    })
  })

  test('names services and methods that it has no words for, and each method for those who want to know', () => {
    const methods = ['a', 'b', 'c', 'd', 'e'].map((name) => `com.example.${name}`)
    const groups = describeScope(`rpc?lxm=${methods.join('&lxm=')}&aud=did:web:api.example%23notes`, 'en')
    expect(groups[0]).toMatchObject({
      kind: 'write',
      lines: [
        {
          text: 'may use com.example.a, com.example.b, com.example.c, and 2 more methods in your name with did:web:api.example#notes',
          details: methods,
        },
      ],
    })
  })

  test('has a few lines for the largest set of permissions', async () => {
    const { expand } = createScopes({
      permissionSets: {
        find: async (nsid) => BUNDLED_SETS[nsid] ?? { type: 'permission-set', permissions: [] },
      },
    })
    const scope = await expand('atproto include:app.bsky.authFullApp?aud=did:web:api.bsky.app%23bsky_appview')
    for (const language of LANGUAGES) {
      const granted = describeScope(scope, language).filter(({ kind }) => kind !== 'not')
      expect(texts(granted).length).toBeLessThan(10)
      for (const text of texts(granted)) expect(text).not.toContain('app.bsky.')
    }
  })

  test('shows characters that change the text around them as numbers', () => {
    expect(told('blob:image/%E2%80%AEgnp').write).toEqual(['may upload files of the type image/%E2%80%AEgnp'])
    expect(told('repo:<script>').control).toEqual([
      'asks for something that this server does not know: repo:<script>',
    ])
    expect(shown('x'.repeat(300))).toHaveLength(201)
  })
})

/** Whether the owner is told of everything that a value of a scope has. */
const isTold = (value: string, groups: readonly ConsentGroup[]): boolean => {
  const granted = groups.filter(({ kind }) => kind !== 'not')
  const lines = granted.flatMap(({ lines }) => lines)
  const all = lines.map(({ text, details }) => [text, ...details].join(' ')).join('\n')
  const scope = parseScope(value)
  if (!scope) return all.includes(shown(value))
  switch (scope.kind) {
    case 'rpc':
      return scope.permission.lxm.every((lxm) => lines.some(({ details }) => details.includes(lxm)))
    case 'include':
      return all.includes(scope.set.nsid)
    default:
      return texts(granted).length > 0
  }
}

describe('nothing is hidden', () => {
  test('every scope has words, also one that is unknown', () => {
    fc.assert(
      fc.property(anyScopeValue, fc.constantFrom(...LANGUAGES), (value, language) => {
        fc.pre(value !== '' && !value.includes(' '))
        expect([value, isTold(value, describeScope(value, language))]).toEqual([value, true])
      }),
      { numRuns: 3000 },
    )
  })

  test('what a value opens is told beside any others, and both languages have the same lines', () => {
    fc.assert(
      fc.property(anyScope, (scope) => {
        const [english, german] = LANGUAGES.map((language) => describeScope(scope, language))
        for (const value of scope.split(' '))
          if (value !== '') expect(isTold(value, english ?? [])).toBe(true)
        const shape = (groups: readonly ConsentGroup[] = []) =>
          groups.map(({ kind, lines }) => [kind, lines.map(({ details }) => details)])
        expect(shape(german)).toEqual(shape(english))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what is said not to be granted', () => {
  /** Each promise, and the requests of the table that would break it. */
  const PROMISES: Record<string, (row: string) => boolean> = {
    'may neither read nor send messages': (row) => row.includes('messages'),
    'may not change your handle or your identity: it cannot move your account away': (row) =>
      row.includes('handle') || row.includes('PLC operation'),
    'may not change your identity: it cannot move your account away': (row) => row.includes('PLC operation'),
    'may not deactivate your account': (row) => row === 'the account is deactivated',
    'may not put another repository in the place of yours': (row) => row === 'a repository is imported',
    'may not post, or change anything that you have posted': (row) =>
      /^a (post|note|repository) is/.test(row),
    'never learns your passwords and passkeys, and cannot delete your account': (row) =>
      row.includes('app password') || row.includes('deletion'),
  }

  test.each(SCOPE_NAMES)('is what the server refuses to an app with %s', (name) => {
    const promised = told(`atproto ${SCOPES[name]}`).not ?? []
    for (const [promise, breaks] of Object.entries(PROMISES)) {
      const opened = SCOPE_TABLE.filter(({ openTo, ...row }) => breaks(row.name) && openTo.includes(name))
      if (promised.includes(promise)) expect([promise, opened]).toEqual([promise, []])
    }
  })

  test('is said of every scope of which it is true', () => {
    for (const [promise, breaks] of Object.entries(PROMISES)) {
      const rows = SCOPE_TABLE.filter((row) => breaks(row.name))
      expect(rows).not.toEqual([])
      const without = SCOPE_NAMES.filter((name) => !rows.some(({ openTo }) => openTo.includes(name)))
      for (const name of without) {
        const lines = told(`atproto ${SCOPES[name]}`).not ?? []
        // Of the identity the stronger of two promises is given.
        const given =
          lines.includes(promise) || (promise.includes('identity') && lines.join().includes('identity'))
        expect([name, promise, given]).toEqual([name, promise, true])
      }
    }
  })
})
