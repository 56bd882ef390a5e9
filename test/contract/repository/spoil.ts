import { parseJsonObject } from '../../../src/parseJsonObject.ts'
import { recar } from './cars.ts'
import type { SpoilFrame } from '../flow/workerSocket.ts'
import type { Call, Fault } from './world.ts'

export const CORS = { 'access-control-allow-origin': '*' }

/** An answer as the Worker would give it. */
export const json = (body: unknown, status = 200): Response => Response.json(body, { status, headers: CORS })
export const refused = (error = 'InvalidRequest'): Response => json({ error, message: 'not here' }, 400)
/** What a proxy says of a server that is not there. */
export const failing = (): Response => json({ error: 'UpstreamFailure', message: 'it fell over' }, 502)
export const car = (bytes: Uint8Array<ArrayBuffer>): Response =>
  new Response(bytes, { headers: { ...CORS, 'content-type': 'application/vnd.ipld.car' } })

/** A fault of these methods, which sees nothing else. */
export const on = (ids: string | readonly string[], fault: Fault): Fault => {
  const at = [ids].flat()
  const limited: Fault = (call, answer) => (at.includes(call.id) ? fault(call, answer) : answer())
  return Object.assign(limited, { at })
}

/** The name of the error in an answer, which stays to be read. */
export async function errorOf(answer: Response): Promise<string | undefined> {
  if (answer.status < 400 || answer.body === null) return undefined
  return String(parseJsonObject(await answer.clone().text())['error'])
}

/** Ends an answer that nobody reads: a server has room for so many exports at a time. */
async function inPlaceOf(given: Response, other: Response): Promise<Response> {
  if (given.body !== other.body && !given.bodyUsed) await given.body?.cancel()
  return other
}

/** Spoils what one method answers with success. Preflights, and answers without a body, stay as they are. */
export const spoil = (
  id: string,
  spoiled: (answer: Response, params: URLSearchParams, call: Call) => Promise<Response> | Response,
): Fault =>
  on(id, async (call, answer) => {
    const given = await answer()
    return isCall(call) && given.status === 200
      ? inPlaceOf(given, await spoiled(given, call.params, call))
      : given
  })

/** Whether it is a call, and not a preflight or a question for the headers alone. */
export const isCall = ({ verb }: Pick<Call, 'verb'>): boolean => verb === 'GET' || verb === 'POST'

/** Answers in place of the server where it would have succeeded, and without the body to HEAD. */
export const failsWith = (id: string, response: () => Response): Fault =>
  on(id, async ({ verb }, answer) => {
    const given = await answer()
    if (given.status !== 200) return given
    return inPlaceOf(given, verb === 'HEAD' ? new Response(null, response()) : response())
  })

/** Spoils the JSON of one method. What `edit` takes is what the method gives. */
export const jsonAs = (id: string, edit: (json: never, params: URLSearchParams) => unknown): Fault =>
  spoil(id, async (answer, params) => Response.json(edit((await answer.json()) as never, params), answer))

/** The same answer with another header, or without it. */
export const withHeader = (answer: Response, name: string, value: string | null): Response => {
  const other = new Response(answer.body, answer)
  if (value === null) other.headers.delete(name)
  else other.headers.set(name, value)
  return other
}

const GET_REPO = 'com.atproto.sync.getRepo'

/** Spoils whole exports, not those since a revision. */
export const exportAs = (edit: Parameters<typeof recar>[0]): Fault =>
  spoil(GET_REPO, (answer, params) => (params.has('since') ? answer : recar(edit)(answer)))

/** Spoils exports since a revision. */
export const sinceAs = (edit: Parameters<typeof recar>[0]): Fault =>
  spoil(GET_REPO, (answer, params) => (params.has('since') ? recar(edit)(answer) : answer))

/** A fault, and the rule that finds it. */
export interface Planted {
  readonly name: string
  readonly rule: string
  /** Other rules that the same fault breaks, as it must. */
  readonly also?: readonly string[]
  /** The same in other areas. */
  readonly elsewhere?: readonly string[]
  /** Why these see it, too. */
  readonly because?: string
  readonly fault?: Fault
  /** What is wrong with the messages of the stream. */
  readonly frames?: SpoilFrame
  /** Needs methods that a Cirrus does not serve, and is asked of its own area only. */
  readonly isOfRelays?: true
}
