import type { Received, Services } from './services.ts'
import type { Side } from './world.ts'

/** What one request was answered, or what a service received from the PDS. */
export interface Observation {
  readonly step: string
  readonly value: unknown
}

export interface Ask {
  readonly params?: Readonly<Record<string, string | number | boolean | readonly string[]>>
  readonly input?: object
  readonly body?: Uint8Array
  readonly type?: string
  /** By default the owner's session; `null` for none. */
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  readonly verb?: 'GET' | 'POST' | 'PUT'
}

export interface Answered {
  readonly status: number
  readonly body: unknown
}

/** Sends one side's requests and notes each answer under the step's name. */
export interface Actor {
  readonly side: Side
  readonly observations: readonly Observation[]
  /** The token of the requests that follow. */
  signedIn: string
  /** With the account's password, unnoted. */
  signIn(): Promise<void>
  ask(step: string, method: string, ask?: Ask): Promise<Answered>
  /** Notes what the services received since the last call. */
  noteReceived(step: string): void
  /** A record of the owner. Gives what a reference to it takes; where it was refused, the rest goes on without. */
  create(step: string, collection: string, record: object): Promise<Ref>
  upload(step: string, body: Uint8Array, type: string): Promise<unknown>
}

export interface Ref {
  readonly uri: string
  readonly cid: string
}

/** Of the headers of an answer, what an app or a proxy acts on. */
const HEADERS = [
  'content-type',
  'atproto-repo-rev',
  'atproto-content-labelers',
  'atproto-upstream-lag',
  'retry-after',
]

export const createActor = (side: Side, services: Services): Actor => {
  const observations: Observation[] = []
  const note = (step: string, value: unknown) => {
    if (observations.some((other) => other.step === step)) throw new Error(`two steps are called "${step}"`)
    observations.push({ step, value })
  }
  const actor: Actor = {
    side,
    observations,
    signedIn: '',
    signIn: async () => {
      const { did: identifier, password } = side.owner
      const answer = await fetch(`${side.url}/xrpc/com.atproto.server.createSession`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ identifier, password }),
      })
      if (!answer.ok) throw new Error(`createSession: ${answer.status} ${await answer.text()}`)
      actor.signedIn = String(at(await answer.json(), 'accessJwt'))
    },
    ask: async (step, method, ask = {}) => {
      const { params = {}, input, body, type, token, headers = {} } = ask
      const url = new URL(`/xrpc/${method}`, side.url)
      for (const [name, value] of Object.entries(params))
        for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one))
      const bearer = token === undefined ? actor.signedIn : token
      const answer = await fetch(url, {
        method: ask.verb ?? (input || body ? 'POST' : 'GET'),
        headers: {
          ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
          ...(input ? { 'content-type': 'application/json' } : type ? { 'content-type': type } : {}),
          ...headers,
        },
        body: input ? JSON.stringify(input) : body ? new Uint8Array(body) : null,
      })
      const text = await answer.text()
      const value = { status: answer.status, body: parsed(text) }
      note(step, {
        outcome: answer.ok ? `${answer.status}` : `${answer.status} ${at(value.body, 'error')}`,
        // The message of an error is for people, and each server has its own words.
        ...(answer.ok ? { body: value.body, headers: present(answer.headers) } : {}),
      })
      return value
    },
    noteReceived: (step) => {
      note(step, services.takeReceived().map(asReceived))
    },
    create: async (step, collection, record) => {
      const { body } = await actor.ask(step, 'com.atproto.repo.createRecord', {
        input: {
          repo: side.owner.did,
          collection,
          record: { $type: collection, createdAt: new Date().toISOString(), ...record },
        },
      })
      return { uri: String(at(body, 'uri')), cid: String(at(body, 'cid')) }
    },
    upload: async (step, body, type) =>
      at((await actor.ask(step, 'com.atproto.repo.uploadBlob', { body, type })).body, 'blob'),
  }
  return actor
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const present = (headers: Headers): Record<string, string | undefined> => {
  const of = (name: string) => headers.get(name)?.toLowerCase()
  return {
    ...Object.fromEntries(HEADERS.map((name) => [name, of(name)])),
    // JSON is UTF-8, whether a server says so or not.
    'content-type': of('content-type')?.replace('application/json; charset=utf-8', 'application/json'),
    'atproto-upstream-lag': of('atproto-upstream-lag') && '<milliseconds>',
  }
}

/** The service token as its claims; of the other headers, those that the PDS chose to send on. */
const asReceived = ({ asked, headers, body }: Received) => {
  const { authorization, ...others } = headers
  return {
    asked,
    token: authorization?.replace('Bearer ', ''),
    headers: Object.fromEntries(
      Object.entries(others).filter(([name]) =>
        /^(content-type|accept-language|cookie|dpop|x-|atproto-)/.test(name),
      ),
    ),
    body: parsed(body),
  }
}

/** A property of an answer of unknown shape. */
export const at = (value: unknown, ...path: readonly string[]): unknown => {
  let here = value
  for (const key of path)
    here =
      typeof here === 'object' && here !== null
        ? new Map<string, unknown>(Object.entries(here)).get(key)
        : undefined
  return here
}
