import type { Ask, Query } from '../../ask.ts'
import type { Known } from '../../discover.ts'
import { verbOf } from '../../findServed.ts'
import { createSampler, NoValue, type Sampler } from '../../lexicon/createSampler.ts'
import { createViolator, type Violator } from '../../lexicon/createViolator.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import type { Run } from '../../types.ts'
import { isAuthRefusal } from './refusals.ts'

/** Someone whom a method lets in. */
export interface Caller {
  readonly kind: 'anyone' | 'session' | 'refresh' | 'admin'
  readonly headers: Readonly<Record<string, string>>
}

/** Requests to the methods that a server has, made from their documents. */
export interface MethodRequests {
  /** Those that the server has, and whose required parameters can be satisfied. */
  readonly methods: readonly Method[]
  readonly sampler: Sampler
  readonly violator: Violator
  /** The required parameters, valid, about what the server has. */
  query(method: Method): Query
  /**
   * A request that a server must refuse for its body, if it has one, so that a missing check of the credential does not
   * lead to a write.
   */
  doomed(method: Method, headers?: Readonly<Record<string, string>>): Ask
  /** A valid call of a query. Of a body that is not JSON, and may be large, only the beginning is read. */
  valid(method: Method, headers?: Readonly<Record<string, string>>, query?: Query): Ask
  /** Who may call the method, with the least of the credentials that the run has. Undefined if none of them opens it. */
  caller(method: Method): Promise<Caller | undefined>
  /** Whether every required parameter names something that the server has. */
  finds(method: Method): boolean
}

/** The headers of every credential that the run has, the weakest first. */
export async function callers(run: Run): Promise<Caller[]> {
  const session = await run.session()
  const list: Caller[] = [{ kind: 'anyone', headers: {} }]
  if (session)
    list.push(
      { kind: 'session', headers: { authorization: `Bearer ${session.accessJwt}` } },
      { kind: 'refresh', headers: { authorization: `Bearer ${session.refreshJwt}` } },
    )
  if (run.adminPassword !== undefined) {
    const password = String.fromCharCode(...new TextEncoder().encode(`admin:${run.adminPassword}`))
    list.push({ kind: 'admin', headers: { authorization: `Basic ${btoa(password)}` } })
  }
  return list
}

const SIGN_IN = 'com.atproto.server.createSession'

/** Each fact by a value of its own, to see which of them a request needs. */
const PROBE: Known = {
  did: 'did:web:probe.example',
  handle: 'probe.example.com',
  collection: 'com.example.probe',
  rkey: 'probe-rkey',
  cid: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  commit: 'bafyreib2rxk3rybk3aobmv5cjuql3bm2twh4jo5uxgf5kpqcsgz7soitae',
  rev: '3kprobeaaaa22',
  blob: 'bafkreiccldh766hwcnuxnf2wh6jgzepf2nlu2lvcllt63eww5p6chi4ity',
}

/** Reads no more than the first bytes. */
const beginning = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of body) return
}

export function createMethodRequests(run: Run): MethodRequests {
  const { known, has } = run.found
  const sampler = createSampler(run.lexicons)
  const canBeCalled = (method: Method): boolean => {
    try {
      sampler.query(method, known)
      return true
    } catch (cause) {
      if (cause instanceof NoValue) return false
      throw cause
    }
  }
  const query = (method: Method): Query => sampler.query(method, known)
  const valid: MethodRequests['valid'] = (method, headers = {}, asked = query(method)) => ({
    query: asked,
    headers: { ...headers },
    reuse: true,
    ...(method.output && method.output.encoding !== 'application/json' ? { take: beginning } : {}),
  })
  const doomed: MethodRequests['doomed'] = (method, headers = {}) =>
    method.kind === 'query'
      ? valid(method, headers)
      : {
          verb: verbOf(method),
          query: query(method),
          headers: method.input ? { ...headers, 'content-type': 'text/plain' } : { ...headers },
          ...(method.input ? { body: 'not what the lexicon says' } : {}),
          reuse: true,
        }
  return {
    methods: run.lexicons.methods.filter((method) => run.serves(method.id) && canBeCalled(method)),
    sampler,
    violator: createViolator(run.lexicons),
    query,
    valid,
    doomed,
    async caller(method) {
      // Refused for the name and the password in its body, as others are for want of a credential.
      if (method.id === SIGN_IN) return { kind: 'anyone', headers: {} }
      for (const caller of await callers(run)) {
        // Without an input to refuse, the call itself would be made.
        if (caller.kind !== 'anyone' && method.kind === 'procedure' && !method.input) return undefined
        const answer = await run.ask(method.id, doomed(method, caller.headers)).catch(() => undefined)
        // No answer is no refusal: who calls then says that there is none.
        if (!answer || !isAuthRefusal(answer)) return caller
      }
      return undefined
    },
    finds(method) {
      const values = Object.entries(sampler.query(method, PROBE))
        .filter(([name]) => !['integer', 'boolean'].includes(method.params[name]?.type ?? ''))
        .flatMap(([, value]) => value)
      const facts = Object.entries(PROBE).filter(([, value]) => values.some((text) => text.includes(value)))
      // The keys are those of `Known`.
      const isHere = facts.every(([name]) => has.has(name as keyof Known))
      const isMeant = values.every((text) => facts.some(([, value]) => text.includes(value)))
      return isHere && (isMeant || method.id === 'com.atproto.server.getServiceAuth')
    },
  }
}
