import { beforeEach, expect, test } from 'vitest'
import {
  createUsedAssertions,
  type UsedAssertions,
} from '../../../../src/account/oauth/clients/usedAssertions.ts'
import { NOW } from '../../../crypto/support.ts'

const LIFETIME_MS = 70_000
const NETWORK = '192.0.2.1'
let now = NOW
let used: UsedAssertions

beforeEach(() => {
  now = NOW
  used = createUsedAssertions({
    platform: { now: () => now },
    lifetimeMs: LIFETIME_MS,
  })
})

test('an assertion is taken once for each client, as long as one can live', () => {
  now += LIFETIME_MS - 1
  expect(used.take('a', 'jti', NETWORK)).toBe('taken')
  expect(used.take('b', 'jti', NETWORK)).toBe('taken')
  for (const ms of [0, 1, LIFETIME_MS - 2]) {
    now += ms
    expect(used.take('a', 'jti', NETWORK)).toBe('replayed')
  }
})

test('what is too old to be valid is forgotten', () => {
  used.take('a', 'jti', NETWORK)
  now += 2 * LIFETIME_MS
  expect(used.take('a', 'jti', NETWORK)).toBe('taken')
})

test('a client that sends too many is refused, and no other', () => {
  for (let n = 0; n < 500; n++) expect(used.take('a', String(n), NETWORK)).toBe('taken')
  expect(used.take('a', '500', NETWORK)).toBe('full')
  expect(used.take('a', '0', NETWORK)).toBe('replayed')
  expect(used.take('b', '500', NETWORK)).toBe('taken')
})

test.each<[string, (n: number) => string]>([
  ['one network', () => '203.0.113.5'],
  ['one block', (n) => `203.0.113.${n % 256}`],
  ['one region', (n) => `203.0.${n % 256}.${n % 251}`],
  ['one holder of IPv6', (n) => `2001:db8:${n.toString(16)}:1::/64`],
])('the clients that %s makes up shut nobody out, and push out one another', (_, networkOf) => {
  expect(used.take('real', 'first', '192.0.2.1')).toBe('taken')
  for (let n = 0; n < 1000; n++) expect(used.take(`made up ${n}`, 'jti', networkOf(n))).toBe('taken')
  expect(used.take('real', 'first', '192.0.2.1')).toBe('replayed')
  expect(used.take('real', 'second', '192.0.2.1')).toBe('taken')
  expect(used.take('another real one', 'first', '198.51.100.1')).toBe('taken')
  expect(used.take('another real one', 'first', '198.51.100.1')).toBe('replayed')
})

test('with a clock that goes back nothing is forgotten', () => {
  used.take('a', 'jti', NETWORK)
  now -= 3600_000
  expect(used.take('a', 'jti', NETWORK)).toBe('replayed')
})
