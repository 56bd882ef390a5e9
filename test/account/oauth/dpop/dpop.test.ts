import { beforeEach, describe, expect, test } from 'vitest'
import { createDpop, DPOP_ALGS } from '../../../../src/account/oauth/dpop/dpop.ts'
import type { Dpop } from '../../../../src/account/oauth/dpop/types.ts'
import { NOW, testRandom } from '../../../crypto/support.ts'
import { createDpopClient, type DpopClient, hash } from '../support/dpopClient.ts'

const ORIGIN = 'https://cirrus.example'
const URL = `${ORIGIN}/oauth/par`
const refused = expect.objectContaining({ code: 'invalid_dpop_proof' })
const asksForNonce = expect.objectContaining({ code: 'use_dpop_nonce' })

let now = NOW
let dpop: Dpop
let client: DpopClient
const platform = { now: () => now, random: testRandom() }

beforeEach(async () => {
  now = NOW
  dpop = createDpop({ platform, origin: ORIGIN })
  client = await createDpopClient({ now: () => now, origin: ORIGIN })
})

const send = (proof: string | null, request: { method?: string; url?: string; accessToken?: string } = {}) =>
  dpop.verify({ proof, method: 'POST', url: URL, ...request })

const seconds = () => Math.floor(now / 1000)

describe('a proof', () => {
  test('is taken once, and gives the thumbprint of its key', async () => {
    const proof = await client.proof({ nonce: dpop.nonce() })
    await expect(send(proof)).resolves.toEqual({ jkt: client.jkt })
    await expect(send(proof)).rejects.toThrow(refused)
  })

  test.each(DPOP_ALGS)('may be signed with %s', async (alg) => {
    const other = await createDpopClient({ now: () => now, origin: ORIGIN, alg })
    await expect(send(await other.proof({ nonce: dpop.nonce() }))).resolves.toEqual({ jkt: other.jkt })
  })

  test('that is missing is invalid_dpop_proof', async () => {
    await expect(send(null)).rejects.toThrow(refused)
    await expect(send('')).rejects.toThrow(refused)
  })

  test('of two in one header is refused', async () => {
    const [a, b] = [await client.proof({ nonce: dpop.nonce() }), await client.proof({ nonce: dpop.nonce() })]
    await expect(send(`${a}, ${b}`)).rejects.toThrow(refused)
  })

  test.each([
    ['no jti', { jti: undefined }],
    ['an empty jti', { jti: '' }],
    ['a jti that is a number', { jti: 1 }],
    ['no iat', { iat: undefined }],
    ['an iat in words', { iat: '1' }],
    ['no htm', { htm: undefined }],
    ['another method', { htm: 'GET' }],
    ['the method in lower case', { htm: 'post' }],
    ['no htu', { htu: undefined }],
    ['a nonce that is a number', { nonce: 1 }],
    ['an exp that has passed', { exp: 1 }],
    ['an exp in words', { exp: 'never' }],
    ['an nbf that is to come', { nbf: 99_999_999_999 }],
  ])('with %s is refused', async (_, claims) => {
    const proof = await client.proof({ nonce: dpop.nonce(), ...claims })
    await expect(send(proof)).rejects.toThrow(refused)
  })

  test('may be signed 3 minutes ahead of our clock, and not more', async () => {
    const at = (iat: number) => client.proof({ nonce: dpop.nonce(), iat })
    await expect(send(await at(seconds() + 179))).resolves.toBeDefined()
    await expect(send(await at(seconds() + 181))).rejects.toThrow(refused)
  })

  test('may be 3 minutes old, and not more', async () => {
    const at = (iat: number) => client.proof({ nonce: dpop.nonce(), iat })
    await expect(send(await at(seconds() - 179))).resolves.toBeDefined()
    await expect(send(await at(seconds() - 181))).rejects.toThrow(refused)
  })

  test('of a HEAD request names HEAD', async () => {
    const proof = await client.proof({ nonce: dpop.nonce(), htm: 'HEAD' })
    await expect(send(proof, { method: 'HEAD' })).resolves.toBeDefined()
  })
})

describe('the hash of the access token', () => {
  test('is required with a token', async () => {
    const accessToken = 'a.b.c'
    const proof = (ath?: string) => client.proof({ nonce: dpop.nonce(), ath })
    await expect(send(await proof(hash(accessToken)), { accessToken })).resolves.toBeDefined()
    await expect(send(await proof(), { accessToken })).rejects.toThrow(refused)
    await expect(send(await proof(hash('another')), { accessToken })).rejects.toThrow(refused)
    await expect(send(await proof(`${hash(accessToken)}=`), { accessToken })).rejects.toThrow(refused)
  })

  test('is refused without one', async () => {
    await expect(send(await client.proof({ nonce: dpop.nonce(), ath: hash('a') }))).rejects.toThrow(refused)
  })
})

describe('the nonce', () => {
  test.each([undefined, '', 'guessed'])('%j is answered by use_dpop_nonce', async (nonce) => {
    await expect(send(await client.proof({ nonce }))).rejects.toThrow(asksForNonce)
  })

  test('is taken for two minutes at least and for three at most', async () => {
    const nonce = dpop.nonce()
    for (const _ of [0, 1]) {
      await expect(send(await client.proof({ nonce }))).resolves.toBeDefined()
      now += 60_000
    }
    now += 59_000
    await expect(send(await client.proof({ nonce }))).resolves.toBeDefined()
    now += 1000
    await expect(send(await client.proof({ nonce }))).rejects.toThrow(asksForNonce)
  })

  test('is another one after a minute', () => {
    const nonce = dpop.nonce()
    now += 59_000
    expect(dpop.nonce()).toBe(nonce)
    now += 1000
    expect(dpop.nonce()).not.toBe(nonce)
  })

  test('does not survive a restart, which forgets the proofs', async () => {
    const proof = await client.proof({ nonce: dpop.nonce() })
    await send(proof)
    dpop = createDpop({ platform, origin: ORIGIN })
    await expect(send(proof)).rejects.toThrow(asksForNonce)
  })

  test.each([1, 60_000, 10 * 60_000])(
    'is not taken a second time when the clock went back %i ms',
    async (ms) => {
      const proof = await client.proof({ nonce: dpop.nonce(), iat: seconds() - 5 })
      await send(proof)
      now += 4 * 60_000
      dpop.nonce()
      now -= 4 * 60_000 + ms
      await expect(send(proof)).rejects.toThrow()
    },
  )

  test('lasts when an hour passed without a request', async () => {
    dpop.nonce()
    now += 3600_000
    await expect(send(await client.proof({ nonce: dpop.nonce() }))).resolves.toBeDefined()
  })
})

describe('the memory of proofs', () => {
  test('takes the same jti of two keys', async () => {
    const other = await createDpopClient({ now: () => now, origin: ORIGIN })
    const jti = 'the same'
    await expect(send(await client.proof({ nonce: dpop.nonce(), jti }))).resolves.toBeDefined()
    await expect(send(await other.proof({ nonce: dpop.nonce(), jti }))).resolves.toBeDefined()
  })
})
