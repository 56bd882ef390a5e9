import { isObject } from '../isObject.ts'
import type { Asking } from './ask.ts'
import type { Credentials, OwnSession } from './types.ts'

/** Signs in. Undefined if the server refuses. */
export async function openSession(
  ask: Asking,
  { identifier, password }: Credentials,
): Promise<OwnSession | undefined> {
  const { status, json } = await ask('com.atproto.server.createSession', {
    verb: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier, password }),
  })
  if (status !== 200 || !isObject(json)) return undefined
  const text = (name: string): string => String(json[name] ?? '')
  return {
    did: text('did'),
    handle: text('handle'),
    accessJwt: text('accessJwt'),
    refreshJwt: text('refreshJwt'),
  }
}
