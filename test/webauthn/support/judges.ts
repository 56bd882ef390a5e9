import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { type Assertion, verifyAssertion } from '../../../src/webauthn/verifyAssertion.ts'
import { type Credential, verifyRegistration } from '../../../src/webauthn/verifyRegistration.ts'
import { WebauthnError } from '../../../src/webauthn/webauthnError.ts'
import type { AssertionJson, RegistrationJson } from './authenticator.ts'

export const ORIGIN = 'https://cirrus.example'
export const RP_ID = 'cirrus.example'
export const CHALLENGE = 'cGFzc2tleXMtYXJlLWZvci10aGlzLWhvc3QtbmFtZS0'
export const USER_HANDLE = 'dGhlLW93bmVy'

/** `ok`, or why not. */
export type Verdict = string

const expected = { origin: ORIGIN, rpId: RP_ID, isChallenge: (challenge: string) => challenge === CHALLENGE }
const oracleExpected = {
  expectedChallenge: CHALLENGE,
  expectedOrigin: ORIGIN,
  expectedRPID: RP_ID,
}

/** Our verdict. An error that is not a typed one is not a verdict. */
const verdictOf = async (work: Promise<unknown>): Promise<Verdict> => {
  try {
    await work
    return 'ok'
  } catch (cause) {
    if (cause instanceof WebauthnError) return cause.code
    throw cause
  }
}

/** The oracle says no by an error of any kind, or by `verified: false`. */
const oracleOf = async (work: () => Promise<{ verified: boolean }>): Promise<Verdict> => {
  try {
    return (await work()).verified ? 'ok' : 'not verified'
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
}

export const judgeRegistration = async (answer: RegistrationJson) => ({
  ours: await verdictOf(verifyRegistration(answer, expected)),
  oracle: await oracleOf(() =>
    verifyRegistrationResponse({
      response: answer,
      ...oracleExpected,
      supportedAlgorithmIDs: [-7, -8, -257],
    }),
  ),
})

export const assertWith = (answer: AssertionJson, credential: Credential): Promise<Assertion> =>
  verifyAssertion(answer, { ...expected, credential, userHandle: USER_HANDLE })

export const judgeAssertion = async (answer: AssertionJson, credential: Credential) => ({
  ours: await verdictOf(assertWith(answer, credential)),
  oracle: await oracleOf(() =>
    verifyAuthenticationResponse({
      response: answer,
      ...oracleExpected,
      credential: {
        id: credential.id,
        publicKey: new Uint8Array(credential.key),
        counter: credential.counter,
      },
    }),
  ),
})

export const registerWith = (answer: RegistrationJson): Promise<Credential> =>
  verifyRegistration(answer, expected)
