// What the owner has just written is in the six reads at once, whatever the AppView has indexed: as on the reference PDS.
import { afterAll, beforeAll, expect, it } from 'vitest'

import { firstPost, manyPosts, readAfterWrite } from './script/readAfterWrite.ts'
import { at, type Observation } from './support/actor.ts'
import { compare, type Comparison, type Listed, type Script } from './support/compare.ts'
import { startWorld, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const expectSame = async (script: Script, listed: readonly Listed[]): Promise<Comparison> => {
  const compared = await compare(world, script, listed)
  expect(compared.unexplained).toEqual([])
  expect(compared.gone).toEqual([])
  return compared
}

const HEADERS: Listed = {
  reason: 'The reference drops these headers from the answers that it changes.',
  at: /^headers\.atproto-(repo-rev|content-labelers)$/,
  reference: /^undefined$/,
}

it('shows the first records of a new account', async () => {
  await expectSame(
    (actor) => firstPost(actor, world.appview),
    [
      {
        reason:
          'The reference shows nothing of an account that had no record at the revision that the AppView knows.',
        at: /^(body\.feed\.0|body\.displayName|headers\.atproto-upstream-lag)$/,
        reference: /^undefined$/,
      },
    ],
  )
})

it('shows each kind of post, replies, likes and the profile, and a deleted post no more', async () => {
  const { cirrus, steps } = await expectSame(
    (actor) => readAfterWrite(actor, world.appview),
    [
      HEADERS,
      {
        reason: 'The reference puts all new posts into the feed of an account, whatever its filter is.',
        step: /own feed( without replies|, pictures)$/,
        at: /^body\.feed\./,
      },
    ],
  )
  expect(steps).toBeGreaterThan(80)
  // The best judge of what is put in is the AppView itself, once it has indexed the same.
  const feeds = [
    'timeline',
    'own feed',
    'own feed by handle',
    'own feed without replies',
    'own feed, pictures',
  ]
  for (const feed of feeds)
    expect([feed, texts(cirrus, `a deleted post: ${feed}`)]).toEqual([
      feed,
      texts(cirrus, `indexed: ${feed}`),
    ])
})

/** Of each post of a feed, in its order. */
const texts = (observations: readonly Observation[], step: string): unknown[] => {
  const feed = at(observations.find((observation) => observation.step === step)?.value, 'body', 'feed')
  if (!Array.isArray(feed) || feed.length === 0) throw new Error(`${step}: no feed`)
  return feed.map((item) => at(item, 'post', 'record', 'text'))
}

it('shows the newest of many posts', async () => {
  const { cirrus } = await expectSame(
    (actor) => manyPosts(actor, world.appview),
    [
      HEADERS,
      {
        reason: 'Of many new records, the reference takes the oldest ten.',
        step: /^timeline$/,
        at: /^body\.feed\.\d\.post\.record\.text$/,
      },
    ],
  )
  expect(texts(cirrus, 'timeline').slice(0, 10)).toEqual(
    Array.from({ length: 10 }, (_, n) => `New post ${14 - n}`),
  )
})
