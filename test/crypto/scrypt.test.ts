import { Buffer } from 'node:buffer'
import { scryptSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { pausingScrypt } from '../../src/crypto/scrypt.ts'

const hash = async (
  password: string,
  salt: string,
  [N, r, p]: [number, number, number],
  length = 64,
  pause: () => Promise<unknown> = async () => {},
): Promise<string> =>
  (await pausingScrypt(password, Buffer.from(salt), length, { N, r, p }, pause)).toString('hex')

describe('scrypt', () => {
  // https://www.rfc-editor.org/rfc/rfc7914#section-12; the fourth needs a gigabyte.
  it.for([
    [
      '',
      '',
      [16, 1, 1],
      '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
    ],
    [
      'password',
      'NaCl',
      [1024, 8, 16],
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    ],
    [
      'pleaseletmein',
      'SodiumChloride',
      [16384, 8, 1],
      '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
    ],
  ] as const)('gives the vector of RFC 7914 for "%s"', async ([password, salt, cost, expected]) => {
    expect(await hash(password, salt, [...cost])).toBe(expected)
  })

  it('gives what node:crypto gives', async () => {
    for (const [N, r, p] of [
      [2, 1, 1],
      [4, 3, 2],
      [64, 8, 5],
      [256, 16, 1],
      [32, 5, 3],
    ] as const)
      for (const password of ['x', 'pässwörd 🌥', 'x'.repeat(512)])
        expect(await hash(password, 'salt', [N, r, p], 32)).toBe(
          scryptSync(password, 'salt', 32, { N, r, p }).toString('hex'),
        )
  })

  it('pauses hundreds of times at the cost of our passwords, and works on only when it may', async () => {
    let pauses = 0
    await hash('x', 'salt', [16384, 8, 5], 32, async () => void pauses++)
    expect(pauses).toBeGreaterThan(500)
    const seen: number[] = []
    await hash('x', 'salt', [1024, 8, 1], 32, async () => {
      seen.push(seen.length)
      if (seen.length === 3) throw new Error('stopped')
    }).catch((cause: unknown) => expect(cause).toMatchObject({ message: 'stopped' }))
    expect(seen).toHaveLength(3)
  })
})
