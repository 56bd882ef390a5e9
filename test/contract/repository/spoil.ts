import { recar } from './cars.ts'
import type { SpoilFrame } from '../flow/workerSocket.ts'
import type { Fault } from './world.ts'

const CORS = { 'access-control-allow-origin': '*' }

/** An answer as the Worker would give it. */
export const json = (body: unknown, status = 200): Response => Response.json(body, { status, headers: CORS })
export const refused = (error = 'InvalidRequest'): Response => json({ error, message: 'not here' }, 400)
export const failing = (status: number): Response =>
  json({ error: 'InternalServerError', message: 'it fell over' }, status)
export const car = (bytes: Uint8Array<ArrayBuffer>): Response =>
  new Response(bytes, { headers: { ...CORS, 'content-type': 'application/vnd.ipld.car' } })

/** Spoils the answers of one method. */
export const spoil =
  (id: string, spoiled: (answer: Response, params: URLSearchParams) => Promise<Response> | Response): Fault =>
  async (call, answer) =>
    call.id === id ? spoiled(await answer(), call.params) : answer()

/** Spoils the JSON of one method. What `edit` takes is what the method gives. */
export const jsonAs = (id: string, edit: (json: never, params: URLSearchParams) => unknown): Fault =>
  spoil(id, async (answer, params) =>
    answer.status === 200 ? Response.json(edit((await answer.json()) as never, params), answer) : answer,
  )

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
  readonly fault?: Fault
  /** What is wrong with the messages of the stream. */
  readonly frames?: SpoilFrame
  /** The server is wrong only while this area is checked: for a fault that counts requests. */
  readonly during?: string
  /** Needs methods that a Cirrus does not serve, and is asked of its own area only. */
  readonly isOfRelays?: true
}
