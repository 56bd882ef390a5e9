import { type Client, type Output, XrpcError } from '../../client/index.ts'
import { type Check, fail, pass } from '../check.ts'
import { moverFailure } from '../refusal.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { Contents } from './preflightTypes.ts'

type Answer = Output<'com.cirrus.admin.checkMigration'>

/** More pages than any repository has: a server that never ends is not followed for ever. */
const MAX_PAGES = 100_000

/** A level that is not known is taken for the worst. */
const levelOf = ({ level }: Answer['checks'][number]): Check['level'] => {
  switch (level) {
    case 'pass':
      return 'pass'
    case 'warn':
      return 'warn'
    default:
      return 'fail'
  }
}

const toCheck = (check: Answer['checks'][number]): Check => ({
  id: check.id,
  level: levelOf(check),
  seen: check.seen,
  ...(check.mend === undefined ? {} : { mend: check.mend }),
})

/** The checks that come with each answer, as one: the first that is not passed, or what all of them verified. */
const summed = (id: string, parts: readonly Check[], seen: string): Check[] => {
  if (parts.length === 0) return []
  const bad = parts.filter(({ level }) => level !== 'pass')
  const [first] = bad
  if (!first) return [pass(id, seen)]
  return [{ ...first, seen: bad.map((part) => part.seen).join('; ') }]
}

const contentsOf = ({ facts }: Answer): Contents =>
  facts === undefined
    ? {}
    : {
        records: facts.records,
        repoBytes: facts.repoBytes,
        blobs: facts.blobs.stored,
        blobBytes: facts.blobs.bytes,
        largestBlob: facts.blobs.largest,
      }

/**
 * Asks a Cirrus what only it knows, until it has verified everything. Undefined where it does not have the method: a
 * Cirrus of an earlier version.
 */
export async function askSource(
  { com }: Client,
  { signal }: Pick<MoverDeps, 'signal'>,
  options: {
    allBlobs: boolean
    onProgress?: ((what: 'repository' | 'blobs', done: number, total: number | undefined) => void) | undefined
  },
): Promise<{ checks: Check[]; contents: Contents } | undefined> {
  const blobs = options.allBlobs ? 'all' : 'sample'
  const ask = (cursor?: string) =>
    com.cirrus.admin.checkMigration({ blobs, ...(cursor === undefined ? {} : { cursor }) }, { signal })
  try {
    const first = await ask()
    const total = { records: 0, blobs: 0 }
    const parts: Check[] = []
    const add = ({ checks, verified }: Answer) => {
      parts.push(...checks.map(toCheck).filter(({ id }) => id === 'repository' || id === 'blobs'))
      total.records += verified.records
      total.blobs += verified.blobs
      options.onProgress?.('repository', total.records, first.facts?.records)
      options.onProgress?.('blobs', total.blobs, options.allBlobs ? first.facts?.blobs.stored : undefined)
    }
    add(first)
    let { cursor } = first
    for (let pages = 1; cursor !== undefined; pages++) {
      if (pages > MAX_PAGES) {
        parts.push(fail('repository', 'the server never ends its check', 'look at `pds check`'))
        break
      }
      const answer: Answer = await ask(cursor)
      add(answer)
      cursor = answer.cursor
    }
    const only = (id: string) => parts.filter((part) => part.id === id)
    const n = (value: number) => value.toLocaleString('en-US')
    return {
      contents: contentsOf(first),
      checks: [
        ...first.checks.map(toCheck).filter(({ id }) => id !== 'repository' && id !== 'blobs'),
        ...summed('repository', only('repository'), `all ${n(total.records)} records verified`),
        ...summed(
          'blobs',
          only('blobs'),
          `${options.allBlobs ? 'all' : 'of a sample,'} ${n(total.blobs)} blobs have the right hash`,
        ),
      ],
    }
  } catch (cause) {
    if (cause instanceof XrpcError && (cause.status === 501 || cause.error === 'MethodNotImplemented'))
      return undefined
    throw moverFailure(cause, 'source')
  }
}
