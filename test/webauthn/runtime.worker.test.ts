// In workerd, whose WebCrypto verifies in production: every verdict is the same as in Node.
import { expect, it } from 'vitest'
import { ASSERTIONS, COUNTER } from './support/assertions.ts'
import { createAuthenticator, type Kind } from './support/authenticator.ts'
import {
  CHALLENGE,
  judgeAssertion,
  judgeRegistration,
  ORIGIN,
  registerWith,
  RP_ID,
} from './support/judges.ts'
import { REGISTRATIONS } from './support/registrations.ts'

const right = { challenge: CHALLENGE, origin: ORIGIN, rpId: RP_ID }

it.each(['ES256', 'Ed25519', 'RS256'] satisfies Kind[])('%s registers and signs in', async (kind) => {
  const authenticator = createAuthenticator(kind)
  const credential = await registerWith(authenticator.register({ ...right, counter: 1 }))
  const answer = authenticator.answer({ ...right, counter: 2 })
  expect(await judgeAssertion(answer, credential)).toEqual({ ours: 'ok', oracle: 'ok' })
  const forged = authenticator.answer({ ...right, counter: 2, signed: Buffer.from('other') })
  expect((await judgeAssertion(forged, credential)).ours).toBe('BadSignature')
})

it('the verdicts on registrations are those of Node', async () => {
  for (const { name, make, ours } of REGISTRATIONS)
    expect([name, (await judgeRegistration(make(createAuthenticator(), right))).ours]).toEqual([name, ours])
})

it('the verdicts on assertions are those of Node', async () => {
  for (const { name, make, ours, registered } of ASSERTIONS) {
    const authenticator = createAuthenticator()
    const credential = await registerWith(
      authenticator.register({ ...right, counter: COUNTER, flags: registered }),
    )
    const answer = make(authenticator, { ...right, counter: COUNTER + 1 })
    expect([name, (await judgeAssertion(answer, credential)).ours]).toEqual([name, ours])
  }
})
