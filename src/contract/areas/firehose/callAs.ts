import { isObject, type JsonObject } from '../../../isObject.ts'
import type { Asking } from '../../ask.ts'
import { postAsOwner } from '../asOwner.ts'
import type { OwnSession } from '../../types.ts'

/** Calls a procedure of the owner's, and gives its answer. Throws where it is refused. */
export async function callAs(
  ask: Asking,
  session: OwnSession,
  id: string,
  body: JsonObject,
): Promise<JsonObject> {
  const answer = await ask(id, postAsOwner(session, body))
  if (answer.status !== 200 || !isObject(answer.json))
    throw new Error(`${id} was answered ${answer.status} ${answer.error ?? ''}`)
  return answer.json
}
