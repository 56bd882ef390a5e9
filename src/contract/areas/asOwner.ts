import type { JsonObject } from '../../isObject.ts'
import type { Ask } from '../ask.ts'
import type { OwnSession } from '../types.ts'

/** A read with the session of the owner. */
export const asOwner = ({ accessJwt }: Pick<OwnSession, 'accessJwt'>) => ({
  headers: { authorization: `Bearer ${accessJwt}` },
})

/** A procedure with it, and with this body if there is one. */
export const postAsOwner = (session: Pick<OwnSession, 'accessJwt'>, body?: JsonObject): Ask => {
  const { headers } = asOwner(session)
  return {
    verb: 'POST',
    headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  }
}
