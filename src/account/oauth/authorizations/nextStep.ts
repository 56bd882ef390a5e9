import type { PendingRequest } from './types.ts'

/** The owner in front of the page. Times are in milliseconds since the epoch. */
export interface Present {
  /** When they signed in, in this browser; undefined: they have not. */
  signedInAt: number | undefined
  did: string
  handle: string
}

/** What the page does: shows one of its two forms, approves without a question, or answers the client with an error. */
export type NextStep =
  | { step: 'sign-in' | 'consent' | 'approve' }
  | { step: 'refuse'; error: 'login_required' | 'consent_required' }

/**
 * What a request needs next, by its `prompt` and by what the owner consented to before. Nothing is approved without a
 * question but for a client that asks for this account by `login_hint`, or that may not ask at all (`none`).
 */
export const nextStep = (
  { request, isConsented, requestedAt }: Pick<PendingRequest, 'request' | 'isConsented' | 'requestedAt'>,
  { signedInAt, did, handle }: Present,
): NextStep => {
  const { prompt, loginHint } = request
  const isNamed = loginHint === did || loginHint === handle.toLowerCase()
  if (prompt === 'none') {
    if (signedInAt === undefined || (loginHint !== undefined && !isNamed))
      return { step: 'refuse', error: 'login_required' }
    return isConsented ? { step: 'approve' } : { step: 'refuse', error: 'consent_required' }
  }
  if (signedInAt === undefined || (prompt === 'login' && signedInAt < requestedAt)) return { step: 'sign-in' }
  return prompt === undefined && isNamed && isConsented ? { step: 'approve' } : { step: 'consent' }
}
