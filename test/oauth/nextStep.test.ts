import { expect, it } from 'vitest'
import { type NextStep, nextStep, type Present } from '../../src/account/oauth/authorizations/nextStep.ts'
import type { AuthorizationRequest, Prompt } from '../../src/account/oauth/requests/types.ts'

const REQUEST: AuthorizationRequest = {
  clientId: 'https://app.example/client.json',
  auth: { method: 'none' },
  redirectUri: 'https://app.example/callback',
  responseMode: 'query',
  state: undefined,
  scope: 'atproto',
  codeChallenge: 'x',
  loginHint: undefined,
  prompt: undefined,
  uiLocales: [],
  dpopJkt: undefined,
}
const HANDLE = 'alice.example.com'
const DID = 'did:plc:abcdefghijklmnopqrstuvwx'
const REQUESTED_AT = 1000

interface Case {
  prompt?: Prompt
  hint?: string
  consented?: boolean
  signedInAt?: number
}

const next = ({ prompt, hint, consented = false, signedInAt }: Case): string => {
  const present: Present = { signedInAt, did: DID, handle: HANDLE }
  const pending = {
    request: { ...REQUEST, prompt, loginHint: hint },
    isConsented: consented,
    requestedAt: REQUESTED_AT,
  }
  const step: NextStep = nextStep(pending, present)
  return step.step === 'refuse' ? step.error : step.step
}

it.each<[Case, string]>([
  [{}, 'sign-in'],
  [{ consented: true, hint: HANDLE }, 'sign-in'],
  [{ signedInAt: 1 }, 'consent'],
  // Without a hint the owner sees which account it is.
  [{ signedInAt: 1, consented: true }, 'consent'],
  [{ signedInAt: 1, consented: true, hint: HANDLE }, 'approve'],
  [{ signedInAt: 1, consented: true, hint: DID }, 'approve'],
  [{ signedInAt: 1, consented: false, hint: DID }, 'consent'],
  [{ signedInAt: 1, consented: true, hint: 'bob.example.com' }, 'consent'],

  [{ prompt: 'login' }, 'sign-in'],
  [{ prompt: 'login', signedInAt: REQUESTED_AT - 1, consented: true, hint: HANDLE }, 'sign-in'],
  [{ prompt: 'login', signedInAt: REQUESTED_AT, consented: true, hint: HANDLE }, 'consent'],

  [{ prompt: 'consent' }, 'sign-in'],
  [{ prompt: 'consent', signedInAt: 1, consented: true, hint: HANDLE }, 'consent'],
  [{ prompt: 'select_account', signedInAt: 1, consented: true, hint: HANDLE }, 'consent'],

  [{ prompt: 'none' }, 'login_required'],
  [{ prompt: 'none', consented: true }, 'login_required'],
  [{ prompt: 'none', signedInAt: 1 }, 'consent_required'],
  [{ prompt: 'none', signedInAt: 1, consented: true }, 'approve'],
  [{ prompt: 'none', signedInAt: 1, consented: true, hint: HANDLE }, 'approve'],
  [{ prompt: 'none', signedInAt: 1, consented: true, hint: 'bob.example.com' }, 'login_required'],
])('%o is followed by %s', (given, expected) => {
  expect(next(given)).toBe(expected)
})
