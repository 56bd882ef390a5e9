import { isObject } from '../isObject.ts'
import { inWords, type Asking } from './ask.ts'
import { ContractError } from './contractError.ts'
import { sessionOf, SESSION_FIELDS } from './sessionOf.ts'
import type { Credentials, OwnSession } from './types.ts'

/** Signs in. Throws if the server refuses: what was asked for could not be tried. */
export async function openSession(ask: Asking, { identifier, password }: Credentials): Promise<OwnSession> {
  const answer = await ask('com.atproto.server.createSession', {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier, password }),
  })
  const { status, json } = answer
  if (status !== 200 || !isObject(json))
    throw new ContractError('sign-in-refused', `${identifier} could not sign in: ${inWords(answer)}`)
  const session = sessionOf(json)
  if (!session)
    throw new ContractError(
      'sign-in-refused',
      `${identifier} got no session: createSession was answered 200 without ${SESSION_FIELDS.join(', ')}`,
    )
  return session
}
