import type { Query } from '../../ask.ts'
import { NOWHERE } from '../../discover.ts'
import type { Method } from '../../lexicon/lexiconSet.ts'
import type { Area, Rule } from '../../types.ts'
import { createMethodRequests } from './methodRequests.ts'
import { notNamed, notRefused } from './refusals.ts'
import { whyClosed } from './whyClosed.ts'

const ALL = ['source', 'target', 'daily'] as const

const refused: Rule = {
  id: 'errors.absent-refused',
  sentence: 'A request about what is not there is refused.',
  level: 'must',
  source: "the method's lexicon, which declares an error for it",
  profiles: ALL,
}

const named: Rule = {
  id: 'errors.declared-name',
  sentence: 'An error that the lexicon declares is answered by its name.',
  level: 'should',
  source:
    'https://atproto.com/specs/xrpc#error-responses: the type should map to a name of the lexicon; relays and migration tools tell by it what is gone from what failed',
  profiles: ALL,
}

/** Not the key of any record. */
const NO_RKEY = 'contract-suite-none'
const NINETY_DAYS_SECONDS = 90 * 24 * 3600

interface Provocation {
  readonly error: string
  /** A request that must be answered with the error; undefined where the method has no parameter for it. */
  query(valid: Query, method: Method, nowSeconds: number): Query | undefined
  /** The rest of the request must name something that the server has. */
  readonly needs?: 'what is there'
}

const about =
  (name: string, value: string | string[]) =>
  (valid: Query): Query | undefined =>
    name in valid ? { ...valid, [name]: value } : undefined

/** How each error that a lexicon declares is provoked with parameters alone. */
const PROVOCATIONS: readonly Provocation[] = [
  { error: 'RepoNotFound', query: about('did', NOWHERE.did) },
  { error: 'DidNotFound', query: about('did', NOWHERE.did) },
  { error: 'HandleNotFound', query: about('handle', NOWHERE.handle) },
  { error: 'BlobNotFound', query: about('cid', NOWHERE.blob), needs: 'what is there' },
  { error: 'BlockNotFound', query: about('cids', [NOWHERE.cid]), needs: 'what is there' },
  { error: 'SnapshotGone', query: about('root', NOWHERE.cid), needs: 'what is there' },
  {
    error: 'RecordNotFound',
    // A proof that a record is absent is an answer, and not an error.
    query: (valid, { output }) =>
      output?.encoding === 'application/json' ? about('rkey', NO_RKEY)(valid) : undefined,
    needs: 'what is there',
  },
  {
    error: 'BadExpiration',
    query: (valid, _, nowSeconds) => ({ ...valid, exp: String(nowSeconds + NINETY_DAYS_SECONDS) }),
  },
]

/** Errors that a lexicon declares, each provoked where parameters can do it. */
export const declaredErrors: Area = {
  name: 'errors',
  rules: [refused, named],
  requests: () => 20,
  async check(run) {
    const requests = createMethodRequests(run)
    for (const method of requests.methods.filter(({ kind }) => kind === 'query'))
      for (const { error, query, needs } of PROVOCATIONS.filter((one) => method.errors.includes(one.error))) {
        const now = Math.floor(run.deps.now() / 1000)
        const asked = query(requests.query(method), method, now)
        if (!asked) continue
        const subject = method.id
        const place = { subject, case: error }
        const caller = await requests.caller(method)
        if (!caller) {
          run.unclear(named, place, whyClosed(run, subject))
          continue
        }
        if (needs && !requests.finds(method)) {
          run.unclear(named, place, 'nothing was found on the server that a request could be about')
          continue
        }
        const what = requests.valid(method, caller.headers, asked)
        await run.expect(refused, place, async (ask) => notRefused(await ask(subject, what)))
        await run.expect(named, { ...place, expected: error }, async (ask) => {
          const answer = await ask(subject, what)
          return answer.error === error ? undefined : notNamed(answer, [error])
        })
      }
  },
}
