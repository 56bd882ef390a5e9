import { isStandardError, STANDARD_ERRORS } from '../../../standardErrors.ts'
import { inWords, type Answer, type Ask } from '../../ask.ts'
import { Unclear, type Place, type Problem, type Rule, type Run } from '../../types.ts'

/** What is said by a server that asks for another credential, or for one at all. */
const AUTH_ERRORS =
  /^(Auth\w*|InvalidToken|ExpiredToken|BadJwt\w*|Unauthorized|Forbidden|MissingToken|MissingAuth\w*|InvalidAuth\w*)$/i

/** Whether a request was refused for its credential, or for want of one. */
export const isAuthRefusal = ({ status, error = '' }: Answer): boolean =>
  status === 401 || status === 403 || (status === 400 && AUTH_ERRORS.test(error))

/** Throws where an answer says more about the moment than about the server. */
export function mustBeJudged({ status }: Answer): void {
  if (status === 429) throw new Unclear('the server limits the rate of requests (429)')
  // Rules for all answers say so already.
  if (status === 500) throw new Unclear('the server failed (500)')
  if (status >= 300 && status < 400 && status !== 304)
    throw new Unclear(`the server sends the caller elsewhere (${status})`)
  if (status === 502 || status === 503 || status === 504)
    throw new Unclear(`the server is not available (${status})`)
}

/** What is wrong with an answer that should be a refusal. */
export function notRefused(answer: Answer): Problem {
  mustBeJudged(answer)
  return answer.status >= 400 && answer.status < 500 ? undefined : inWords(answer)
}

/** What is wrong with an answer that should refuse a bad credential, and not something else about the request. */
export function notRefusedForCredential(answer: Answer): Problem {
  const problem = notRefused(answer)
  // That an error has no name, other rules say.
  if (problem !== undefined || isAuthRefusal(answer) || answer.error === undefined) return problem
  const words = inWords(answer)
  return /token|jwt|auth|credential|signature|session|bearer/i.test(words)
    ? undefined
    : `refused as if the credential were good: ${words}`
}

const statusOf = (error: string): number => (isStandardError(error) ? STANDARD_ERRORS[error] : 400)

/** What is wrong with an answer that should be one of these errors. */
export function notNamed(answer: Answer, errors: readonly string[]): Problem {
  mustBeJudged(answer)
  const { error, status } = answer
  return error !== undefined && errors.includes(error) && status === statusOf(error)
    ? undefined
    : inWords(answer)
}

export const expectedErrors = (errors: readonly string[]): string =>
  errors.map((error) => `${statusOf(error)} ${error}`).join(' or ')

/** A mistake that every server must refuse, and the name that a Cirrus has for it. */
export interface Refusal {
  readonly rule: Rule
  readonly house: Rule
  readonly errors: readonly string[]
}

/** Tries one request that must be refused; for both rules it goes out once. */
export async function expectRefusal(
  run: Run,
  { rule, house, errors }: Refusal,
  place: Place,
  ask: Ask,
): Promise<void> {
  const what: Ask = { ...ask, reuse: true }
  await run.expect(rule, place, async (asking) => notRefused(await asking(place.subject, what)))
  await run.expect(house, { ...place, expected: expectedErrors(errors) }, async (asking) =>
    notNamed(await asking(place.subject, what), errors),
  )
}
