// A life in an app, once on Cirrus and once on the reference PDS, before the same AppView: what is answered is the same,
// but for what is listed.
import { expect, it } from 'vitest'

import { live } from './script/live.ts'
import { compare, type Listed } from './support/compare.ts'
import { startWorld } from './support/world.ts'

/** Each must occur: a difference that is gone is removed. */
const LISTED: readonly Listed[] = [
  {
    reason:
      'A token names its session, so that ending the session or revoking its app password ends it at once.',
    at: /^body\.(access|refresh)Jwt\.jwt\.sid$/,
    reference: /^undefined$/,
  },
  {
    reason: 'The same: there, an access token outlives its session by up to two hours.',
    step: /^(app password: the session of a revoked one|sign out: the access token afterwards)$/,
    at: /^outcome$/,
    cirrus: /^"400 ExpiredToken"$/,
    reference: /^"200"$/,
  },
  {
    reason:
      'The DID document is as plc.directory writes it today; the directory of the tests is an older version.',
    at: /^body\.didDoc\.(@context\.\d|verificationMethod\.0\.(id|type))$/,
  },
  {
    reason: 'The owner configures the address, so it needs no mail to be confirmed.',
    at: /^body\.emailConfirmed$/,
    cirrus: /^true$/,
    reference: /^false$/,
  },
  {
    reason: 'People type their handle as they see it.',
    step: /^sign in: by @handle in capitals$/,
    at: /^outcome$/,
    cirrus: /^"200"$/,
    reference: /^"401 AuthenticationRequired"$/,
  },
  {
    reason: 'Every token that cannot be used is an InvalidToken.',
    step: /^(video: a token for another method uploads nothing|proxy: an admin method)$/,
    at: /^outcome$/,
    cirrus: /^"400 InvalidToken"$/,
    reference: /^"401 BadJwt/,
  },
  {
    reason: 'A service that cannot be reached is not a failure of this server.',
    step: /^notifications: push to an unknown service$/,
    at: /^outcome$/,
    cirrus: /^"502 UpstreamFailure"$/,
    reference: /^"500 InternalServerError"$/,
  },
  {
    reason: 'What the caller got wrong is not a failure of this server.',
    step: /^(proxy: a malformed DID|app password: a name that is taken)$/,
    at: /^outcome$/,
    cirrus: /^"400 InvalidRequest"$/,
    reference: /^"500 InternalServerError"$/,
  },
  {
    reason: 'A report goes on with the headers of any other request; there, with none of them.',
    step: /^report to a chosen service: what it received$/,
    at: /^0\.headers\.(accept-language|atproto-accept-labelers|x-atproto-trace|x-bsky-topics)$/,
  },
  {
    reason: 'A cursor says that there is more; there, it also stands after the last record.',
    step: /^own records$/,
    at: /^body\.cursor$/,
    cirrus: /^undefined$/,
  },
  {
    reason: 'Clients ask their own server for any record, so what it does not have is fetched where it is.',
    step: /^a neighbour's (records|repository)$/,
    at: /^outcome$/,
    cirrus: /^"200"$/,
    reference: /^"400 (InvalidRequest|RepoNotFound)"$/,
  },
  {
    reason: 'There, preferences are not counted.',
    step: /^account: status$/,
    at: /^body\.privateStateValues$/,
    cirrus: /^4$/,
    reference: /^0$/,
  },
]

/** Two hundred requests to each side, one after the other, with time for a busy machine. */
const LONG = 600_000

it('is the same on Cirrus, except as listed', { timeout: LONG }, async () => {
  await using world = await startWorld()
  const { unexplained, gone, steps } = await compare(world, (actor) => live(actor, world.services), LISTED)
  expect(unexplained).toEqual([])
  expect(gone).toEqual([])
  expect(steps).toBeGreaterThan(200)
})

it('is the same on two reference servers: what differs is never chance', { timeout: LONG }, async () => {
  await using world = await startWorld({ ours: 'reference' })
  const { unexplained } = await compare(world, (actor) => live(actor, world.services), [])
  expect(unexplained).toEqual([])
})
