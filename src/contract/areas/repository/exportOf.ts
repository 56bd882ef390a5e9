import { type Answer, type Asking, mediaType } from '../../ask.ts'
import { type Run, Unclear } from '../../types.ts'
import { type ExportContext, type JudgedExport, judgeExport } from './judgeExport.ts'
import { type ReadExport, readExport } from './readExport.ts'
import { signingKey } from './signingKey.ts'

const GET_REPO = 'com.atproto.sync.getRepo'
/** A repository may be large, and a server slow. */
const EXPORT_TIMEOUT_MS = 5 * 60_000

/** An answer to getRepo, and the CAR if it is one. */
export interface FetchedExport {
  readonly answer: Answer
  readonly car: ReadExport | undefined
}

/** Fetches an export as it comes, up to the limit of the run. */
export async function fetchExport(
  { maxRepoBytes }: Pick<Run, 'maxRepoBytes'>,
  ask: Asking,
  query: { readonly did: string; readonly since?: string },
): Promise<FetchedExport> {
  let car: ReadExport | undefined
  const answer = await ask(GET_REPO, {
    query,
    timeoutMs: EXPORT_TIMEOUT_MS,
    take: async (body) => void (car = await readExport(body, maxRepoBytes)),
  })
  return { answer, car }
}

/** What an export is judged by, at this moment. */
export async function exportContext(run: Run): Promise<ExportContext> {
  const { did } = run.found.known
  const key = await signingKey(run, did).catch((cause: unknown) => {
    if (cause instanceof Unclear) return { unclear: cause.message }
    throw cause
  })
  return { did, key, now: run.deps.now() }
}

/** The account's whole repository, and where it was found. */
export interface AccountExport extends FetchedExport {
  readonly judged: JudgedExport | undefined
  /** What getLatestCommit said before and after. */
  readonly before: Answer
  readonly after: Answer
}

const MAX_ATTEMPTS = 3

async function fetchAccount(run: Run): Promise<AccountExport> {
  const { did } = run.found.known
  const latest = () => run.ask('com.atproto.sync.getLatestCommit', { query: { did } })
  for (let attempt = 1; ; attempt++) {
    const before = await latest()
    const fetched = await fetchExport(run, run.ask, { did })
    const after = await latest()
    const isQuiet = before.exchange.body === after.exchange.body
    // An account that is being written to has another commit soon.
    if (!isQuiet && attempt < MAX_ATTEMPTS) continue
    const { car, answer } = fetched
    const isCar = car && mediaType(answer.headers) !== 'application/json'
    return {
      ...fetched,
      before,
      after,
      judged: isCar ? await judgeExport(car, await exportContext(run)) : undefined,
    }
  }
}

const exports = new WeakMap<Run, Promise<AccountExport>>()

/** The account's repository as it was when the run first asked for it. Rejects with `NoAnswer`. */
export const exportOf = (run: Run): Promise<AccountExport> => {
  const known = exports.get(run) ?? fetchAccount(run)
  exports.set(run, known)
  return known
}
