import type { LexiconDoc } from '@atproto/lexicon'
import { METHOD_AREAS } from '../../src/contract/areas/methods/methodAreas.ts'
import { runContract } from '../../src/contract/run.ts'
import type { Finding, Report } from '../../src/contract/types.ts'
import { documents } from './documents.ts'
import type { FetchHandler } from './serve.ts'
import { STUB_CREDENTIALS } from './stubHandlers.ts'

const { admin, ...credentials } = STUB_CREDENTIALS

/** The rules of the methods, tried on a server that is a function; with `write` as its owner and its admin. */
export const runMethods = (
  handler: FetchHandler,
  write: boolean,
  lexicons: readonly LexiconDoc[] = documents,
): Promise<Report> =>
  runContract({
    url: 'https://stub.example',
    lexicons,
    areas: METHOD_AREAS,
    house: true,
    kind: null,
    deps: {
      fetch: async (request) => handler(request),
      WebSocket,
      now: Date.now,
      sleep: async () => {},
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      signal: new AbortController().signal,
    },
    ...(write ? { write, credentials, adminPassword: admin, accountHasRecords: true } : {}),
  })

export const brokenOf = ({ findings }: Report): Finding[] =>
  findings.filter(({ outcome }) => outcome === 'broken')
export const inLines = (findings: readonly Finding[]): string[] =>
  findings.map(({ rule, subject, case: name, got }) => `${rule.id} ${subject} (${name}): ${got}`)
