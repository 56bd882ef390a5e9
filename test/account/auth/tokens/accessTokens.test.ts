import { describe, expect, it } from 'vitest'
import { createAccessTokens } from '../../../../src/account/auth/tokens/accessTokens.ts'
import { TokenError } from '../../../../src/crypto/errors.ts'
import { ACCESS_LIFETIME_S, createSessionTokens } from '../../../../src/signing/sessionTokens.ts'
import { testSecret } from '../../../crypto/support.ts'

const START = 1_700_000_000_000
const real = createSessionTokens(testSecret('session secret'), testSecret('hash'))

const mint = (sid: string, now = START) =>
  real.mintAccess({ did: 'did:web:alice.test', aud: 'did:web:pds.test', sid, kind: 'session', now })

const setUp = () => {
  let now = START
  let verified = 0
  const accessTokens = createAccessTokens({
    platform: { now: () => now },
    tokens: {
      verifyAccess: (token, at) => {
        verified++
        return real.verifyAccess(token, at)
      },
    },
  })
  return { accessTokens, count: () => verified, pass: (ms: number) => (now += ms) }
}

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (cause: unknown) => (cause instanceof TokenError ? cause.code : cause),
  )

describe('access tokens', () => {
  it('are known once they were verified, with the same claims', async () => {
    const { accessTokens, count } = setUp()
    const token = await mint('one')
    expect(accessTokens.known(token)).toBeUndefined()
    const claims = await accessTokens.verify(token)
    expect(accessTokens.known(token)).toEqual(claims)
    expect(accessTokens.known(token)).toEqual(await real.verifyAccess(token, START))
    expect(count()).toBe(1)
  })

  it('are not known when they have expired, to the second', async () => {
    const { accessTokens, pass } = setUp()
    const token = await mint('one')
    await accessTokens.verify(token)
    pass(ACCESS_LIFETIME_S * 1000 - 1)
    expect(accessTokens.known(token)).toBeDefined()
    pass(1)
    expect(accessTokens.known(token)).toBeUndefined()
    expect(await code(accessTokens.verify(token))).toBe('Expired')
  })

  it('are not known if any character differs, and a token that does not verify is not kept', async () => {
    const { accessTokens } = setUp()
    const token = await mint('one')
    await accessTokens.verify(token)
    const changed = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`
    expect(accessTokens.known(changed)).toBeUndefined()
    expect(await code(accessTokens.verify(changed))).toBe('BadSignature')
    expect(accessTokens.known(changed)).toBeUndefined()
  })

  it('are forgotten when a hundred others were used since', async () => {
    const { accessTokens } = setUp()
    const [first, used] = [await mint('first'), await mint('used')]
    await accessTokens.verify(first)
    await accessTokens.verify(used)
    for (let n = 0; n < 99; n++) {
      await accessTokens.verify(await mint(`other ${n}`))
      expect(accessTokens.known(used)).toBeDefined()
    }
    expect(accessTokens.known(first)).toBeUndefined()
    expect(accessTokens.known(used)).toBeDefined()
  })
})
