import { runContract, type ContractOptions } from '../../../src/contract/run.ts'
import type { Area, Finding, Report } from '../../../src/contract/types.ts'
import { CREDENTIALS, deploy, ORIGIN, type Deployed } from '../deployed.ts'
import { documents } from '../documents.ts'
import { workerSocket, type SpoilFrame } from '../flow/workerSocket.ts'

/** A request to the Worker, as a fault sees it. */
export interface Call {
  readonly id: string
  readonly params: URLSearchParams
  readonly verb: string
  readonly headers: Headers
  readonly deployed: Deployed
  body(): Promise<string>
  /** The same request with other params, or with another credential, to the Worker itself. */
  again(params: Record<string, string>, authorization?: string): Promise<Response>
}

/** What is wrong with the server: it sees each request, and the answer of the Worker to it. */
export interface Fault {
  (call: Call, answer: () => Promise<Response>): Promise<Response> | Response
  /** The methods whose answers it may change. Undefined: any. */
  readonly at?: readonly string[]
}

export interface WorldOptions extends Partial<ContractOptions> {
  /** What is wrong with the messages of its sockets. */
  readonly frames?: SpoilFrame | undefined
  /** How long an event may take to come. */
  readonly patienceMs?: number
}

/** The real Worker with an account, whose answers can be spoiled on their way. */
export interface World {
  readonly deployed: Deployed
  run(areas: readonly Area[], fault?: Fault, options?: WorldOptions): Promise<Report>
}

let runs = 0

export async function createWorld(): Promise<World> {
  const deployed = await deploy()
  return {
    deployed,
    run(areas, fault, { frames, patienceMs = 2_000, ...options } = {}) {
      runs++
      // Each run has an address of its own, as many are limited by it.
      const address = `192.0.2.${runs % 250}`
      const toWorker = (request: Request): Promise<Response> => {
        const sent = new Request(request)
        sent.headers.set('cf-connecting-ip', address)
        return deployed.fetch(sent)
      }
      const fetch = async (request: Request): Promise<Response> => {
        const url = new URL(request.url)
        if (url.href.startsWith(deployed.directory.url)) return deployed.directory.fetch(url.href)
        if (!fault) return toWorker(request)
        const copy = request.clone()
        const call: Call = {
          id: url.pathname.replace('/xrpc/', ''),
          params: url.searchParams,
          verb: request.method,
          headers: request.headers,
          deployed,
          body: () => request.clone().text(),
          again: (params, authorization) => {
            const other = new URL(url)
            other.search = new URLSearchParams(params).toString()
            const headers = new Headers(request.headers)
            if (authorization !== undefined) headers.set('authorization', authorization)
            return toWorker(new Request(other, { method: request.method, headers }))
          },
        }
        return fault(call, () => toWorker(copy))
      }
      return runContract({
        url: ORIGIN,
        lexicons: documents,
        deps: {
          fetch,
          WebSocket: workerSocket(fetch, frames),
          patienceMs,
          now: Date.now,
          // Long enough for a handshake, and for nothing else.
          sleep: (ms) => new Promise((done) => setTimeout(done, Math.min(ms, 100))),
          // workerd has room for 10,000 timers at a time.
          timer: (ms, ring) => {
            const timer = setTimeout(ring, ms)
            return () => clearTimeout(timer)
          },
          random: (length) => crypto.getRandomValues(new Uint8Array(length)),
          signal: new AbortController().signal,
        },
        areas,
        house: true,
        kind: null,
        plcUrl: deployed.directory.url,
        only: (id) => /^com\.atproto\.(sync|repo)\./.test(id),
        ...options,
      })
    },
  }
}

/** The owner, who may write. */
export const OWNER = {
  credentials: { identifier: CREDENTIALS.identifier, password: CREDENTIALS.password },
  write: true,
  accountHasRecords: true,
} as const

/** What is not as it should be, each as `rule (case): got`. */
export const brokenOf = ({ findings }: Pick<Report, 'findings'>): string[] =>
  findings
    .filter(({ outcome }) => outcome === 'broken')
    .map(({ rule, subject, case: name, got }) => `${rule.id} ${subject} (${name}): ${got}`)

/** The broken rules about repositories and blobs: what is wrong with any answer has rules, and tests, of its own. */
export const brokenRules = ({ findings }: Pick<Report, 'findings'>): string[] => [
  ...new Set(
    findings
      .filter(({ outcome, rule }) => outcome === 'broken' && /^(repo|blobs)\./.test(rule.id))
      .map(({ rule }) => rule.id),
  ),
]

export const unclearOf = ({ findings }: Pick<Report, 'findings'>): Finding[] =>
  findings.filter(({ outcome }) => outcome === 'unclear')
