/**
 * The contract suite: every method of the lexicons against any server. Without `write` it sends only anonymous reads and
 * requests that must be refused, so it is safe on any server.
 */
import { asking, inWords, type Ask, type Asking } from './ask.ts'
import {
  bodyCases,
  credentialCases,
  isPublic,
  paramCases,
  preflightCase,
  readCases,
  signInCases,
  verbCases,
  type Case,
} from './cases.ts'
import { discover, type Found } from './discover.ts'
import { runCase, type Finding } from './finding.ts'
import { methods, type Method } from './lexicon.ts'
import { writeFindings, type Credentials } from './write.ts'

export type { Finding } from './finding.ts'

export interface ContractOptions {
  /** The server's origin. */
  url: string
  /** Sends a request, for example a Worker's own `fetch`. By default the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>
  /** Needed with `write`. */
  credentials?: Credentials
  /** Also sign in, write records and blobs, deactivate and activate, and clean up. */
  write?: boolean
  /** The account to read. By default listRepos finds one. */
  did?: string
  /** Only these methods. */
  only?: (id: string) => boolean
}

/** The cases that need no credential and change nothing. */
function* anonymousCases(method: Method, found: Found): Generator<Case> {
  const { known } = found
  yield preflightCase(method)
  yield* verbCases(method, known)
  yield* paramCases(method, known)
  yield* credentialCases(method, known)
  if (!isPublic(method)) return
  if (method.kind === 'query') yield* readCases(method, found)
  else yield* bodyCases(method, known)
  yield* signInCases(method)
}

const unknownMethod = (verb: string): Case => ({
  name: `${verb} of an unknown method`,
  ask: { verb },
  // A server that forwards what it does not serve asks for a credential first.
  expected: '501 MethodNotImplemented, or 401 AuthMissing',
  accepts: ({ status, error }) =>
    (status === 501 && error === 'MethodNotImplemented') || (status === 401 && error === 'AuthMissing'),
})

const probe = ({ kind }: Method): Ask => ({ verb: kind === 'query' ? 'GET' : 'POST' })

/** Whether the server has the method at all. It does not matter how it answers an empty request. */
async function served(ask: Asking, method: Method): Promise<Finding> {
  const base = { method: method.id, case: 'is served', expected: 'anything but 501' }
  try {
    const answer = await ask(method.id, probe(method))
    return { ...base, ok: answer.status !== 501 && answer.status !== 404, got: inWords(answer) }
  } catch (cause) {
    return { ...base, ok: false, got: `no answer: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
}

/** Runs the suite and gives, case by case, the expected and the actual answer. */
export async function runContract(options: ContractOptions): Promise<Finding[]> {
  const ask = asking(options.url, options.fetch ?? ((request) => fetch(request)))
  const found = await discover(ask, options.did)
  const findings: Finding[] = []
  const present: Method[] = []
  for (const method of methods.filter(({ id }) => options.only?.(id) ?? true)) {
    const first = await served(ask, method)
    findings.push(first)
    if (!first.ok) continue
    present.push(method)
    for (const test of anonymousCases(method, found))
      findings.push(await runCase(ask, method, method.id, test))
  }
  for (const verb of ['GET', 'POST'])
    findings.push(await runCase(ask, undefined, 'com.example.unknown', unknownMethod(verb)))
  if (options.write) {
    if (!options.credentials) throw new Error('Writing needs credentials')
    for await (const finding of writeFindings(ask, present, found, options.credentials))
      findings.push(finding)
  }
  return findings
}

/** The findings that are not as expected. */
export const failures = (findings: Finding[]): Finding[] => findings.filter(({ ok }) => !ok)
