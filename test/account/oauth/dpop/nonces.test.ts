import { beforeEach, describe, expect, test } from 'vitest'
import { createNonces, MAX_PROOFS, type Nonces } from '../../../../src/account/oauth/dpop/nonces.ts'
import { NOW, testRandom } from '../../../crypto/support.ts'

let now = NOW
let nonces: Nonces

beforeEach(() => {
  now = NOW
  nonces = createNonces({ now: () => now, random: testRandom() })
})

describe('a proof', () => {
  test('is remembered as long as its nonce is taken', () => {
    const nonce = nonces.next()
    expect(nonces.take(nonce, 'id')).toBe('taken')
    for (let second = 0; second < 179; second++) {
      now += 1000
      expect(nonces.take(nonce, 'id')).toBe('replayed')
    }
    now += 1000
    expect(nonces.take(nonce, 'id')).toBe('unknown')
  })

  test('is remembered for each nonce by itself', () => {
    expect(nonces.take(nonces.next(), 'id')).toBe('taken')
    now += 60_000
    expect(nonces.take(nonces.next(), 'id')).toBe('taken')
  })
})

describe('a nonce whose memory a stranger filled', () => {
  const fill = (nonce: string) => {
    for (let n = 0; n < MAX_PROOFS; n++) nonces.take(nonce, `stranger ${n}`)
  }

  test('evicts no proof, and keeps nobody out who takes the next nonce', () => {
    const nonce = nonces.next()
    expect(nonces.take(nonce, 'owner')).toBe('taken')
    fill(nonce)
    expect(nonces.take(nonce, 'owner')).toBe('replayed')
    expect(nonces.take(nonce, 'owner again')).toBe('unknown')
    expect(nonces.next()).not.toBe(nonce)
    expect(nonces.take(nonces.next(), 'owner again')).toBe('taken')
    expect(nonces.take(nonce, 'owner')).toBe('replayed')
  })

  test('is followed by one other, however often it is sent', () => {
    const nonce = nonces.next()
    fill(nonce)
    nonces.take(nonce, 'a')
    const following = nonces.next()
    for (let n = 0; n < 10; n++) nonces.take(nonce, `b ${n}`)
    expect(nonces.next()).toBe(following)
  })
})

test('with a clock that goes back, no nonce from before is taken', () => {
  const nonce = nonces.next()
  now -= 1
  expect(nonces.take(nonce, 'id')).toBe('unknown')
  expect(nonces.take(nonces.next(), 'id')).toBe('taken')
})
