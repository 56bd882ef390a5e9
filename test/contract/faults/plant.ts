/** Ways to be wrong: when a server answers otherwise than it should, and what. */
import { isObject, type JsonObject } from '../../../src/isObject.ts'
import { parseJsonObject } from '../../../src/parseJsonObject.ts'
import { ADMIN, CREDENTIALS } from '../deployed.ts'
import { errorOf, isCall, json, on, spoil, withHeader } from '../repository/spoil.ts'
import type { Call, Fault } from '../repository/world.ts'

type When = (call: Call) => boolean | Promise<boolean>

export const refuse = (status = 400, error = 'InvalidRequest'): Response =>
  json({ error, message: 'seeded' }, status)
export const give = (value: unknown): Response => json(value)

/** Spoils the JSON that one method answers with success. */
export const change = (id: string, edit: (json: JsonObject, call: Call) => unknown): Fault =>
  spoil(id, async (answer, _, call) => {
    const value: unknown = await answer.json()
    return give(edit(isObject(value) ? value : {}, call))
  })

/** Answers calls instead of the server. */
export const instead = (id: string, when: When, response: () => Response): Fault =>
  on(id, async (call, answer) => (isCall(call) && (await when(call)) ? response() : answer()))

/** Gives what the server refuses with this error. */
export const despite = (id: string, errors: readonly string[], when: When, response: () => Response): Fault =>
  on(id, async (call, answer) => {
    const given = await answer()
    const error = isCall(call) ? await errorOf(given) : undefined
    return error !== undefined && errors.includes(error) && (await when(call)) ? response() : given
  })

export const always = () => true

/** Once one method has succeeded, another is answered otherwise. */
export const after = (first: string, id: string, spoiled: Fault): Fault => {
  let isAfter = false
  return on([first, id], async (call, answer) => {
    if (call.id === id && isAfter) return spoiled(call, answer)
    const given = await answer()
    if (call.id === first && isCall(call) && given.status === 200) isAfter = true
    return given
  })
}

/** What a token is for, if the server has given it out: `com.atproto.access`. */
const scopeOf = ({ headers }: Call): string => {
  const [head = '', claims = '', signature = ''] = (headers.get('authorization') ?? '').split('.')
  const isMadeUp = head === '' || signature.length < 40 || /^A+$/.test(signature)
  const text = isMadeUp ? '{}' : atob(claims.replaceAll('-', '+').replaceAll('_', '/'))
  return String(parseJsonObject(text)['scope'])
}
export const isOfSession = (call: Call): boolean => scopeOf(call) === 'com.atproto.access'
export const isOfApp = (call: Call): boolean => scopeOf(call) === 'com.atproto.appPass'
/** A migration token. */
export const isOfToken = (call: Call): boolean => scopeOf(call).startsWith('repo:')
export const isToRefresh = (call: Call): boolean => scopeOf(call) === 'com.atproto.refresh'

export const saysJson = ({ headers }: Call): boolean => headers.get('content-type') === 'application/json'
export const bodyHas =
  (text: string) =>
  async (call: Call): Promise<boolean> =>
    saysJson(call) && (await call.body()).includes(text)

const owners = new WeakMap<Call['deployed'], string>()

/** The answer that the owner gets, whoever asks. */
export async function asOwner({ deployed, params, again }: Call): Promise<Response> {
  let token = owners.get(deployed)
  if (token === undefined) {
    const session = await deployed.call('com.atproto.server.createSession', { body: CREDENTIALS })
    token = `Bearer ${String(session['accessJwt'])}`
    owners.set(deployed, token)
  }
  return again(Object.fromEntries(params), token)
}

/** The answer that the admin gets, whoever asks. */
export const asAdmin = ({ params, again }: Call): Promise<Response> =>
  again(Object.fromEntries(params), ADMIN)

/** Asks as if a parameter had another value, or were not there. */
export const readAs = (id: string, edit: (params: Record<string, string>) => Record<string, string>): Fault =>
  on(id, (call, answer) => (isCall(call) ? call.again(edit(Object.fromEntries(call.params))) : answer()))

/** The same answer with another header, to every request. */
export const header = (
  id: string,
  name: string,
  value: string | null,
  verbs = ['GET', 'HEAD', 'POST'],
): Fault =>
  on(id, async ({ verb }, answer) => {
    const given = await answer()
    return verbs.includes(verb) ? withHeader(given, name, value) : given
  })

export const hasHeader =
  (pattern: RegExp) =>
  ({ headers }: Call): boolean =>
    pattern.test(headers.get('authorization') ?? '')
