import { beforeEach, expect, test } from 'vitest'
import {
  createUsedAssertions,
  type UsedAssertions,
} from '../../../../src/account/oauth/clients/usedAssertions.ts'
import { NOW } from '../../../crypto/support.ts'

const LIFETIME_MS = 70_000
let now = NOW
let used: UsedAssertions

beforeEach(() => {
  now = NOW
  used = createUsedAssertions({
    platform: { now: () => now },
    lifetimeMs: LIFETIME_MS,
    hasGrant: () => false,
  })
})

test('an assertion is taken once for each client, as long as one can live', () => {
  now += LIFETIME_MS - 1
  expect(used.take('a', 'jti')).toBe('taken')
  expect(used.take('b', 'jti')).toBe('taken')
  for (const ms of [0, 1, LIFETIME_MS - 2]) {
    now += ms
    expect(used.take('a', 'jti')).toBe('replayed')
  }
})

test('what is too old to be valid is forgotten', () => {
  used.take('a', 'jti')
  now += 2 * LIFETIME_MS
  expect(used.take('a', 'jti')).toBe('taken')
})

test('a client that sends too many is refused, and no other', () => {
  for (let n = 0; n < 500; n++) expect(used.take('a', String(n))).toBe('taken')
  expect(used.take('a', '500')).toBe('full')
  expect(used.take('a', '0')).toBe('replayed')
  expect(used.take('b', '500')).toBe('taken')
})

test('with a clock that goes back nothing is forgotten', () => {
  used.take('a', 'jti')
  now -= 3600_000
  expect(used.take('a', 'jti')).toBe('replayed')
})
