// Registrations, judged by @simplewebauthn/server too: the verdicts are the same, but where a case says why not.
import { describe, expect, it } from 'vitest'
import { createAuthenticator, type Kind } from './support/authenticator.ts'
import { CHALLENGE, judgeRegistration, ORIGIN, registerWith, RP_ID } from './support/judges.ts'
import { REGISTRATIONS } from './support/registrations.ts'

const right = { challenge: CHALLENGE, origin: ORIGIN, rpId: RP_ID }

describe('a registration', () => {
  it.each(['ES256', 'Ed25519', 'RS256'] satisfies Kind[])(
    'with %s is accepted, and kept as it was sent',
    async (kind) => {
      const authenticator = createAuthenticator(kind)
      const answer = authenticator.register({ ...right, counter: 7 })
      expect(await judgeRegistration(answer)).toEqual({ ours: 'ok', oracle: 'ok' })
      const kept = await registerWith(answer)
      expect([kept.id, kept.counter, kept.backup]).toEqual([authenticator.id, 7, 'device'])
    },
  )

  for (const { name, make, ours, differs } of REGISTRATIONS)
    it(`${name}: ${ours}${differs ? ` (the oracle: ${differs.oracle}; ${differs.why})` : ''}`, async () => {
      const verdict = await judgeRegistration(make(createAuthenticator(), right))
      expect(verdict.ours).toBe(ours)
      const wanted = differs?.oracle ?? (ours === 'ok' ? 'ok' : 'refused')
      expect(verdict.oracle === 'ok' ? 'ok' : 'refused').toBe(wanted)
    })
})
