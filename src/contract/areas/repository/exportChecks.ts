import { type Answer, inWords, mediaType, NoAnswer } from '../../ask.ts'
import { isObject } from '../../../isObject.ts'
import { indexKey } from '../../../repo/car/indexCar.ts'
import { formatTid, parseTid } from '../../../repo/tid.ts'
import { type Place, type Problem, type Rule, type Run, Unclear } from '../../types.ts'
import { type AccountExport, exportOf, type FetchedExport, fetchExport } from './exportOf.ts'
import { readTree } from './readTree.ts'
import { repositoryRules as rules } from './rules.ts'
import { CAR, type Repository, unlessWritten } from './repositoryTypes.ts'

const SUBJECT = 'com.atproto.sync.getRepo'
const WHOLE: Place = { subject: SUBJECT, case: 'the whole repository' }

const isTimeout = (cause: unknown): boolean => cause instanceof Error && cause.name === 'TimeoutError'

/** What getLatestCommit said. */
const latest = ({ before, after }: AccountExport): { cid: unknown; rev: unknown } => {
  if (before.exchange.body !== after.exchange.body)
    throw new Unclear('the account is written to all the time')
  if (before.status !== 200 || !isObject(before.json))
    throw new Unclear(`getLatestCommit: ${inWords(before)}`)
  return { cid: before.json['cid'], rev: before.json['rev'] }
}

function judgeCurrent(run: Run, account: AccountExport): void {
  const { judged, before, after, answer } = account
  if (!judged?.root || !judged.commit)
    return run.unclear(rules.current, WHOLE, 'the export names no commit that can be read')
  const root = judged.root.toString()
  const { rev } = judged.commit
  try {
    const said = latest(account)
    const same = said.cid === root && said.rev === rev
    const problem = same ? undefined : `${root} of ${rev}; getLatestCommit: ${said.cid} of ${said.rev}`
    run.judge(rules.current, WHOLE, problem, [before, answer, after])
  } catch (cause) {
    if (!(cause instanceof Unclear)) throw cause
    run.unclear(rules.current, WHOLE, cause.message)
  }
}

/** Why a refusal is right: the account is not here, or not active. */
async function whyInactive(run: Run, answer: Answer): Promise<string | undefined> {
  const { did } = run.found.known
  if (answer.status < 400 || answer.status >= 500) return undefined
  const status = await run.ask('com.atproto.sync.getRepoStatus', { query: { did } })
  if (status.status === 200 && isObject(status.json) && status.json['active'] === true) return undefined
  return `${did} has no repository to give out: ${inWords(answer)}`
}

/** Judges the export of the whole account. Undefined where the checks that build on it cannot be made. */
export async function checkExport(run: Run): Promise<Repository | undefined> {
  const others = Object.values(rules).filter((rule) => rule !== rules.export)
  const giveUp = (reason: string): undefined => {
    for (const rule of others) run.unclear(rule, WHOLE, reason)
  }
  let account
  try {
    account = await exportOf(run)
  } catch (cause) {
    if (!(cause instanceof NoAnswer)) throw cause
    if (isTimeout(cause.cause)) run.unclear(rules.export, WHOLE, cause.message)
    else run.judge(rules.export, WHOLE, cause.message, [cause])
    return giveUp('the repository could not be fetched')
  }
  const { answer, judged } = account
  if (!judged) {
    const inactive = await whyInactive(run, answer)
    if (inactive === undefined) run.judge(rules.export, WHOLE, inWords(answer), [answer])
    else run.unclear(rules.export, WHOLE, inactive)
    return giveUp(inactive ?? 'the repository could not be fetched')
  }
  const type = mediaType(answer.headers)
  run.judge(rules.export, WHOLE, type === CAR ? undefined : `a CAR as ${type || 'nothing'}`, [answer])
  for (const { rule, problem, unclear } of judged.verdicts)
    if (unclear === undefined) run.judge(rule, WHOLE, problem, [answer])
    else run.unclear(rule, WHOLE, unclear)
  judgeCurrent(run, account)
  const { root, commit, tree } = judged
  const isWhole = tree?.problem === undefined && tree?.missing === undefined
  if (root && commit && tree && isWhole && commit.did === run.found.known.did)
    return { did: commit.did, root: root.toString(), rootKey: indexKey(root), commit, tree }
  const judgedRules = new Set([rules.current, ...judged.verdicts.map(({ rule }) => rule)])
  for (const rule of others)
    if (!judgedRules.has(rule))
      run.unclear(rule, WHOLE, 'the export has no whole tree of the account to compare with')
  return undefined
}

const DAY_MICROS = 86_400_000_000

/** What is wrong with an answer to a request with `since`. */
const carProblem = ({ answer, car }: FetchedExport, root: string): Problem => {
  if (!car || answer.status !== 200) return inWords(answer)
  if (car.error) return car.error.message
  const named = car.roots.map(String).join(', ') || 'none'
  return named === root ? undefined : `the root is ${named}, and not ${root}`
}

/** Nothing of the tree is missing. */
const wholeProblem = ({ car }: FetchedExport, { commit }: Repository): Problem => {
  const tree = car && readTree(car, commit)
  return tree?.problem ?? tree?.missing
}

const recordsProblem = ({ car }: FetchedExport): Problem =>
  car && car.records.size > 0 ? `${car.records.size} records` : undefined

/** What getRepo gives for revisions. None of them says what an older revision really gives: that takes writing. */
export async function checkSince(run: Run, repository: Repository): Promise<void> {
  const { did, root, commit } = repository
  const check = (
    rule: Rule,
    name: string,
    since: string,
    judge: (fetched: FetchedExport) => Problem,
    accepts: (status: number) => boolean = () => false,
  ) =>
    run.expect(rule, { subject: SUBJECT, case: name }, async (ask) => {
      const fetched = await fetchExport(run, ask, { did, since })
      if (accepts(fetched.answer.status)) return undefined
      return unlessWritten(ask, repository, carProblem(fetched, root) ?? judge(fetched))
    })
  const refused = (status: number): boolean => status >= 400 && status < 500
  const { micros } = parseTid(commit.rev)
  await check(rules.sinceNewest, 'since the latest revision', commit.rev, recordsProblem)
  await check(
    rules.sinceUnknown,
    'since the beginning of time',
    formatTid(0),
    (fetched) => wholeProblem(fetched, repository),
    refused,
  )
  await check(rules.sinceUnknown, 'since tomorrow', formatTid(micros + DAY_MICROS), recordsProblem, refused)
  await check(
    rules.sinceUnknown,
    'since a moment before the latest revision',
    formatTid(micros - 1),
    ({ car }) => car && readTree(car, commit).superfluous,
    refused,
  )
}
