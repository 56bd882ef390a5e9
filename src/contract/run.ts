/**
 * The contract suite: what a server promises by the lexicons and the specifications, tried on it from the outside. Without
 * `write` it sends only anonymous reads and requests that must be refused, so it is safe on any server.
 */
import type { LexiconDoc } from '@atproto/lexicon'
import { AREAS } from './areas.ts'
import { answers } from './areas/answers.ts'
import { createAsking, NoAnswer, type Asking } from './ask.ts'
import { discover } from './discover.ts'
import { applyKnown, type ServerKind } from './known/knownDifferences.ts'
import { kindOf } from './known/serverKinds.ts'
import { createLexiconSet } from './lexicon/lexiconSet.ts'
import { createPace } from './pace.ts'
import { createSecrets } from './secrets.ts'
import { openSession } from './openSession.ts'
import { createSink, type Sink } from './sink.ts'
import {
  type Area,
  type ContractDeps,
  type Credentials,
  type Finding,
  type OwnSession,
  type Profile,
  type Report,
  type Rule,
  type Run,
  Unclear,
} from './types.ts'

export interface ContractOptions {
  /** The server's origin. */
  readonly url: string
  readonly lexicons: readonly LexiconDoc[]
  readonly deps: ContractDeps
  /** Default: all of them. */
  readonly profiles?: readonly Profile[]
  /** Also what a Cirrus promises besides. */
  readonly house?: boolean
  /** Sign in with these. */
  readonly credentials?: Credentials
  readonly adminPassword?: string
  /** Default: https://plc.directory. */
  readonly plcUrl?: string
  /** Exports of repositories are read up to so many bytes. Default: 256 MiB. */
  readonly maxRepoBytes?: number
  /** Also write records and blobs, deactivate and activate, and clean up. Needs credentials. */
  readonly write?: boolean
  /** The account to read. By default that of the credentials, or the first of listRepos. */
  readonly did?: string
  /** Only these methods and parts. */
  readonly only?: (subject: string) => boolean
  /** At most so many requests a second. Default: as fast as the server answers. */
  readonly perSecond?: number
  /** What is known about this server. By default it is recognized by its front page; null: nothing. */
  readonly kind?: ServerKind | null
  readonly areas?: readonly Area[]
  /** Called with each finding as it comes, and with the name of each area as it begins. */
  readonly onFinding?: (finding: Finding) => void
  readonly onArea?: (name: string, index: number, total: number) => void
}

export const USER_AGENT = 'cirrus-pds-contract (contract suite; https://www.npmjs.com/package/cirrus-pds)'

const MAX_REPO_BYTES = 256 * 1024 * 1024

const ALL: readonly Profile[] = ['source', 'target', 'daily']

/** Whether a rule is asked for. */
const appliesTo =
  (profiles: readonly Profile[], house: boolean) =>
  (rule: Rule): boolean =>
    (rule.level !== 'house' || house) && rule.profiles.some((profile) => profiles.includes(profile))

/** Which methods the server has: a method that is not there is 404, 501, or a 401 that any made-up name gets, too. */
async function absentMethods(ask: Asking, ids: readonly string[], isQuery: (id: string) => boolean) {
  const absent: string[] = []
  const notServed = (answer: { status: number; error: string | undefined }): boolean =>
    answer.status === 404 || answer.status === 501
  for (const id of ids) {
    const answer = await ask(id, { verb: isQuery(id) ? 'GET' : 'POST' }).catch(() => undefined)
    if (answer && notServed(answer)) absent.push(id)
  }
  return absent
}

/** Runs the suite. Rejects only if the server cannot be reached at all, or the run is interrupted. */
export async function runContract(options: ContractOptions): Promise<Report> {
  const { deps, profiles = ALL, house = false, write = false, credentials, adminPassword } = options
  const origin = options.url.replace(/\/$/, '')
  const startedAt = deps.now()
  const applies = appliesTo(profiles, house)
  const secrets = createSecrets([credentials?.password, adminPassword])
  const pace = createPace(deps, options.perSecond)
  const sink: Sink = createSink(options.onFinding)
  const lexicons = createLexiconSet(options.lexicons)

  const rawAsk = createAsking({
    origin,
    redact: secrets.redact,
    userAgent: USER_AGENT,
    send: async (request) => {
      deps.signal.throwIfAborted()
      await pace.turn()
      return deps.fetch(request)
    },
  })
  const answerRules = answers.filter(applies)
  /** Every answer is judged by the rules for all answers. */
  const ask: Asking = async (id, what) => {
    const answer = await rawAsk(id, what)
    for (const rule of answerRules)
      sink.observe(
        rule,
        what?.path === undefined ? id : what.path,
        [...rule.judge(answer, what?.path === undefined ? id : '', { lexicons })],
        answer,
      )
    return answer
  }

  const front = await rawAsk('', { path: '/' })
  const frontPage = new TextDecoder().decode(front.bytes)
  const kind = options.kind === undefined ? kindOf(frontPage) : (options.kind ?? undefined)
  const isOurs = (id: string): boolean => house || !id.startsWith('com.cirrus.')
  const wanted = lexicons.methods.filter(({ id }) => isOurs(id) && (options.only?.(id) ?? true))
  const absent = await absentMethods(
    rawAsk,
    wanted.map(({ id }) => id),
    (id) => lexicons.method(id)?.kind === 'query',
  )
  const served = new Set(wanted.map(({ id }) => id).filter((id) => !absent.includes(id)))

  let session: Promise<OwnSession | undefined> | undefined
  const undo: { what: string; undo: () => Promise<void> }[] = []
  const left: string[] = []
  const signIn = async (): Promise<OwnSession | undefined> => {
    if (!credentials) return undefined
    const opened = await openSession(rawAsk, credentials)
    if (!opened) return undefined
    secrets.hide(opened.accessJwt)
    secrets.hide(opened.refreshJwt)
    undo.push({
      what: 'the session',
      undo: async () => {
        const headers = { authorization: `Bearer ${opened.refreshJwt}` }
        const answer = await rawAsk('com.atproto.server.deleteSession', { verb: 'POST', headers })
        if (answer.status !== 200) throw new Error(`deleteSession: ${answer.status}`)
      },
    })
    return opened
  }
  const account = credentials ? await (session = signIn()) : undefined
  const found = await discover(ask, options.did ?? account?.did)

  const run: Run = {
    origin,
    deps,
    lexicons,
    found,
    serves: (id) => served.has(id),
    plcUrl: (options.plcUrl ?? 'https://plc.directory').replace(/\/$/, ''),
    maxRepoBytes: options.maxRepoBytes ?? MAX_REPO_BYTES,
    adminPassword,
    credentials,
    write,
    applies,
    session: () => (session ??= signIn()),
    ask,
    hide: secrets.hide,
    made: (what, how) => void undo.push({ what, undo: how }),
    absent: (what) => void absent.push(what),
    stays: (what) => void left.push(what),
    judge(rule, place, problem, answers) {
      if (!applies(rule)) return
      const exchanges = answers.map(({ exchange }) => exchange)
      const outcome = problem === undefined ? 'kept' : 'broken'
      sink.add(rule, place, outcome, problem ?? 'as expected', exchanges)
    },
    unclear(rule, place, reason) {
      if (applies(rule)) sink.add(rule, place, 'unclear', reason, [], reason)
    },
    async expect(rule, place, check) {
      if (!applies(rule)) return
      const exchanges: Finding['exchanges'][number][] = []
      const recording: Asking = async (id, what) => {
        try {
          const answer = await ask(id, what)
          exchanges.push(answer.exchange)
          return answer
        } catch (cause) {
          if (cause instanceof NoAnswer) exchanges.push(cause.exchange)
          throw cause
        }
      }
      try {
        const problem = await check(recording)
        sink.add(rule, place, problem === undefined ? 'kept' : 'broken', problem ?? 'as expected', exchanges)
      } catch (cause) {
        deps.signal.throwIfAborted()
        const message = secrets.redact(cause instanceof Error ? cause.message : String(cause))
        if (cause instanceof Unclear) sink.add(rule, place, 'unclear', message, exchanges, message)
        else sink.add(rule, place, 'broken', message, exchanges)
      }
    },
  }

  const removed: string[] = []
  const areas = options.areas ?? AREAS
  try {
    for (const [index, area] of areas.entries()) {
      if (!area.rules.some(applies)) continue
      options.onArea?.(area.name, index, areas.length)
      await area.check(run)
    }
  } finally {
    for (const { what, undo: how } of undo.toReversed())
      await how().then(
        () => removed.push(what),
        (cause: unknown) => left.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`),
      )
  }
  const { findings, stale } = applyKnown(sink.all(), kind?.differences ?? [])
  return {
    origin,
    server: kind?.name ?? 'unknown',
    did: found.has.has('did') ? found.known.did : undefined,
    findings,
    absent,
    stale,
    removed,
    left,
    requests: pace.count(),
    startedAt: new Date(startedAt).toISOString(),
    durationMs: deps.now() - startedAt,
  }
}
