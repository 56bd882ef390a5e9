import { p256 as original } from '@noble/curves/p256'
import { expect, it } from 'vitest'
import { p256 } from '../src/p256.ts'

it('is the same curve as the one in whose place it stands', () => {
  expect(p256.Point.CURVE()).toEqual(original.Point.CURVE())
  expect(p256.Point.BASE.toHex()).toBe(original.Point.BASE.toHex())
})

it('signs and verifies as it does', () => {
  const message = new TextEncoder().encode('a message')
  const key = new Uint8Array(32).fill(7)
  const options = { lowS: true, prehash: true }
  const signature = p256.sign(message, key, options).toCompactRawBytes()
  expect(signature).toEqual(original.sign(message, key, options).toCompactRawBytes())
  const publicKey = p256.getPublicKey(key)
  expect(original.verify(signature, message, publicKey, options)).toBe(true)
  expect(p256.verify(signature, new TextEncoder().encode('another'), publicKey, options)).toBe(false)
})
