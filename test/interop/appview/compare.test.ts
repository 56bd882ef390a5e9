import { describe, expect, it } from 'vitest'

import { differences } from './support/compare.ts'
import { normalise } from './support/normalise.ts'

describe('differences', () => {
  it('names each place where two answers differ', () => {
    const ours = { outcome: '200', body: { feed: [{ likes: 1 }, { likes: 2, more: true }], name: 'a' } }
    const theirs = { outcome: '200', body: { feed: [{ likes: 1 }, { likes: 3 }], name: ['a'] } }
    expect(differences(ours, theirs)).toEqual([
      { at: 'body.feed.1.likes', cirrus: '2', reference: '3' },
      { at: 'body.feed.1.more', cirrus: 'true', reference: 'undefined' },
      { at: 'body.name', cirrus: '"a"', reference: '["a"]' },
    ])
  })

  it('of answers with another outcome, names only that', () => {
    expect(differences({ outcome: '200', body: {} }, { outcome: '400 InvalidRequest' })).toEqual([
      { at: 'outcome', cirrus: '"200"', reference: '"400 InvalidRequest"' },
    ])
  })

  it('do not depend on the order of keys', () => {
    expect(differences({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([])
  })
})

describe('what is the same in two runs', () => {
  const names = new Map([
    ['http://localhost:1', '<pds>'],
    ['did:plc:abc', '<owner>'],
  ])

  it('is the account, wherever it stands', () => {
    const value = {
      uri: 'at://did:plc:abc/app.bsky.feed.post/3mabcdefghi2k',
      url: 'http://localhost:1/vid/did%3Aplc%3Aabc',
    }
    expect(normalise(value, names)).toEqual({
      uri: 'at://<owner>/app.bsky.feed.post/<tid>',
      url: '<pds>/vid/<owner>',
    })
  })

  it('is a token by its claims, and a time by being one', () => {
    const claims = Buffer.from('{"iss":"did:plc:abc","exp":1}').toString('base64url')
    expect(normalise({ accessJwt: `e30.${claims}.sig`, at: '2026-01-02T03:04:05.678Z' }, names)).toEqual({
      accessJwt: { jwt: { iss: '<owner>', exp: '<seconds>' } },
      at: '<time>',
    })
  })

  it('is not any other text', () => {
    expect(normalise({ text: 'Hello neighbour', at: '2026-01-02' }, names)).toEqual({
      text: 'Hello neighbour',
      at: '2026-01-02',
    })
  })
})
