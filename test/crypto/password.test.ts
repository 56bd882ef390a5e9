import { expect, test } from 'vitest'
import { equalSecret, hashPassword, parseBasic, verifyPassword } from '../../src/crypto/password.ts'
import { Secret } from '../../src/crypto/secret.ts'
import { testRandom } from './support.ts'

test('a password verifies only against its own hash', async () => {
  const random = testRandom()
  const password = new Secret('correct horse')
  const stored = await hashPassword(password, random(16))
  expect(stored).toMatch(/^scrypt\$16384\$8\$5\$/)
  expect(await hashPassword(password, random(16))).not.toBe(stored)
  expect(await verifyPassword(password, new Secret(stored))).toBe(true)
  for (const wrong of ['', 'correct horsf', 'correct horse ', 'x'.repeat(10_000)])
    expect(await verifyPassword(new Secret(wrong), new Secret(stored))).toBe(false)
})

test('secrets of different lengths are compared', () => {
  expect(equalSecret(new Secret('abc'), new Secret('abc'))).toBe(true)
  for (const other of ['', 'ab', 'abcd', 'abd'])
    expect(equalSecret(new Secret('abc'), new Secret(other))).toBe(false)
})

test('Basic headers are read, and others are refused', () => {
  const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
  expect(parseBasic(basic('admin:pass:word'))?.password.reveal()).toBe('pass:word')
  expect(parseBasic(basic('admin:pass'))?.user).toBe('admin')
  expect(parseBasic(basic('admin:').replace('Basic', 'basic'))?.password.reveal()).toBe('')
  for (const bad of [
    '',
    'Basic',
    'Basic ',
    'Bearer YTpi',
    basic('nocolon'),
    'Basic %%%',
    'Basic /w==',
    'Basic YTpi YTpi',
  ])
    expect(parseBasic(bad)).toBeUndefined()
})
