/**
 * The contract suite: what a server promises by the lexicons and the specifications, tried on it from the outside. Without
 * `write` it sends only anonymous reads and requests that must be refused, so it is safe on any server.
 */
import { isObject } from '../isObject.ts'
import { AREAS } from './areas.ts'
import { answers } from './areas/answers.ts'
import { createAsking, type Asking } from './ask.ts'
import { createCleanup } from './cleanup.ts'
import { createThrowAway } from './createThrowAway.ts'
import { discardAtEnd } from './discardThrowAway.ts'
import { ContractError } from './contractError.ts'
import type { ContractOptions } from './contractOptions.ts'
import { discover, NOWHERE, type Found } from './discover.ts'
import { findServed } from './findServed.ts'
import { applyKnown, explained, type ServerKind } from './known/knownDifferences.ts'
import { kindOf } from './known/serverKinds.ts'
import { createJudging } from './judging.ts'
import { createLexiconSet } from './lexicon/lexiconSet.ts'
import { createPace } from './pace.ts'
import { createSecrets } from './secrets.ts'
import { openSession } from './openSession.ts'
import { reusing } from './reusing.ts'
import { requireAdmin } from './requireAdmin.ts'
import { requirePds } from './requirePds.ts'
import { requireWithoutRecords } from './requireWithoutRecords.ts'
import { createSink, type Sink } from './sink.ts'
import { watchSilence } from './watchSilence.ts'
import type { MadeAccount, OwnSession, Profile, Report, Rule, Run } from './types.ts'

export type { ContractOptions } from './contractOptions.ts'

export const USER_AGENT = 'cirrus-pds-contract (contract suite; https://www.npmjs.com/package/cirrus-pds)'

const MAX_REPO_BYTES = 256 * 1024 * 1024

const ALL: readonly Profile[] = ['source', 'target', 'daily']

/** Whether a rule is asked for. */
const appliesTo =
  (profiles: readonly Profile[], house: boolean) =>
  (rule: Rule): boolean =>
    (rule.level !== 'house' || house) && rule.profiles.some((profile) => profiles.includes(profile))

/** How many requests an area sends that does not say so. */
const USUAL_REQUESTS = 20

const MAX_VERSION_CHARS = 100

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * Runs the suite. Rejects only if it cannot begin: nothing answers, nothing of a PDS, no sign-in, or `write` for an
 * account with records. A run that is interrupted, or whose server goes away, ends with a report of what it found.
 */
export async function runContract(options: ContractOptions): Promise<Report> {
  const { deps, profiles = ALL, house = false, write = false, adminPassword, throwAway } = options
  let { credentials } = options
  const origin = options.url.replace(/\/$/, '')
  const startedAt = deps.now()
  const applies = (rule: Rule): boolean =>
    appliesTo(profiles, house)(rule) && (options.onlyRules?.(rule) ?? true)
  const secrets = createSecrets([
    credentials?.password,
    adminPassword,
    throwAway?.inviteCode,
    throwAway?.email,
  ])
  const mailedCode = write ? options.mailedCode : undefined
  const pace = createPace(deps, options.perSecond)
  let kind: ServerKind | undefined
  const sink: Sink = createSink((finding) => options.onFinding?.(explained(finding, kind?.differences ?? [])))
  const lexicons = createLexiconSet(options.lexicons)
  const cleanup = createCleanup()
  const gone = new AbortController()
  /** What was begun is cleaned up after an interrupt, too: it ends the requests of the checks only. */
  let stop: AbortSignal | undefined = AbortSignal.any([deps.signal, gone.signal])

  const place = { area: 'discover', step: 0, steps: 1, planned: 0, sentBefore: 0, later: 0 }
  const progress = (): void => {
    const requests = pace.count()
    const left = place.later + Math.max(0, place.planned - (requests - place.sentBefore))
    options.onProgress?.({ area: place.area, step: place.step, steps: place.steps, requests, left })
  }
  const rawAsk = watchSilence(
    createAsking({
      origin,
      redact: secrets.redact,
      userAgent: USER_AGENT,
      signal: () => stop,
      timer: deps.timer,
      timeoutMs: deps.answerTimeoutMs,
      send: async (request) => {
        stop?.throwIfAborted()
        await pace.turn()
        progress()
        return deps.fetch(request)
      },
    }),
    (reason) => gone.abort(new Error(reason)),
    () => deps.now(),
  )
  const isWanted = options.only ?? (() => true)
  const answerRules = answers.filter(applies)
  const reuse = reusing(rawAsk)
  /** Every answer is judged by the rules for all answers. */
  const ask: Asking = async (id, what) => {
    const answer = await reuse(id, what)
    const subject = what?.path === undefined ? id : what.path
    if (!isWanted(subject)) return answer
    for (const rule of answerRules) {
      const problems = [...rule.judge(answer, what?.path === undefined ? id : '', { lexicons })]
      sink.observe(rule, subject, problems, answer)
    }
    return answer
  }

  const isOurs = (id: string): boolean => house || !id.startsWith('com.cirrus.')
  const wanted = lexicons.methods.filter(({ id }) => isOurs(id) && isWanted(id))
  place.planned = wanted.length + 10
  await requirePds(rawAsk, origin)
  // It only tells what is known of such a server.
  const front = await rawAsk('', { path: '/' }).catch(() => undefined)
  const frontPage = new TextDecoder().decode(front?.bytes)
  kind = options.kind === undefined ? kindOf(frontPage) : (options.kind ?? undefined)
  const health = await rawAsk('_health').catch(() => undefined)
  const version = isObject(health?.json) ? health.json['version'] : undefined

  let session: Promise<OwnSession | undefined> | undefined
  let madeAccount: MadeAccount | undefined
  const own = (opened: OwnSession): OwnSession => {
    secrets.hide(opened.accessJwt)
    secrets.hide(opened.refreshJwt)
    cleanup.made('the session', async () => {
      const headers = { authorization: `Bearer ${opened.refreshJwt}` }
      const answer = await rawAsk('com.atproto.server.deleteSession', { verb: 'POST', headers })
      if (answer.status !== 200) throw new Error(`deleteSession: ${answer.status}`)
    })
    return opened
  }
  const signIn = async (): Promise<OwnSession | undefined> => {
    if (credentials) return own(await openSession(rawAsk, credentials))
    if (!write || !throwAway) return undefined
    const made = await createThrowAway(rawAsk, deps, secrets.hide, throwAway)
    credentials = made.credentials
    const opened = own(made.session)
    madeAccount = { session: opened, password: made.credentials.password }
    discardAtEnd({ ask: rawAsk, cleanup, deps, hide: secrets.hide, mailedCode }, madeAccount)
    return opened
  }

  const absent: string[] = []
  const incomplete: Report['incomplete'][number][] = []
  let found: Found = { known: NOWHERE, has: new Set() }
  try {
    const account = await (session = signIn())
    if (adminPassword !== undefined && house) await requireAdmin(rawAsk, adminPassword)
    if (write && account) await requireWithoutRecords(rawAsk, account, options.accountHasRecords ?? false)
    // Not judged: what a server says of methods that it does not have is its own.
    const served = await findServed(reuse, wanted, stop)
    absent.push(...wanted.map(({ id }) => id).filter((id) => !served.has(id)))
    found = await discover((id, what) => ask(id, { ...what, reuse: true }), options.did ?? account?.did)

    const run: Run = {
      origin,
      deps,
      lexicons,
      found,
      wants: (id) => wanted.some((method) => method.id === id),
      serves: (id) => served.has(id),
      plcUrl: (options.plcUrl ?? 'https://plc.directory').replace(/\/$/, ''),
      maxRepoBytes: options.maxRepoBytes ?? MAX_REPO_BYTES,
      adminPassword,
      credentials,
      write,
      throwAway,
      madeAccount,
      mailedCode,
      applies,
      session: () => (session ??= signIn()),
      ask,
      hide: secrets.hide,
      redact: secrets.redact,
      made: cleanup.made,
      removed: cleanup.removed,
      gone: cleanup.gone,
      isGone: cleanup.isGone,
      absent: (what, subject = what) => void (isWanted(subject) && absent.push(what)),
      stays: cleanup.stays,
      ...createJudging({
        ask,
        sink,
        applies: (rule, { subject }) => applies(rule) && isWanted(subject),
        redact: secrets.redact,
        stopIfAborted: () => stop?.throwIfAborted(),
      }),
    }

    const areas = (options.areas ?? AREAS).filter(({ rules }) => rules.some(applies))
    const planned = areas.map((area) => area.requests?.(run) ?? USUAL_REQUESTS)
    for (const [index, area] of areas.entries()) {
      Object.assign(place, {
        area: area.name,
        step: index + 1,
        steps: areas.length,
        planned: planned[index],
        sentBefore: pace.count(),
        later: planned.slice(index + 1).reduce((sum, count) => sum + count, 0),
      })
      progress()
      try {
        await area.check(run)
      } catch (cause) {
        stop.throwIfAborted()
        incomplete.push({ area: area.name, reason: secrets.redact(messageOf(cause)) })
      }
    }
  } catch (cause) {
    if (cause instanceof ContractError || !stop.aborted) throw cause
    if (!deps.signal.aborted) incomplete.push({ area: place.area, reason: secrets.redact(messageOf(cause)) })
  } finally {
    stop = undefined
    const pending = cleanup.pending()
    if (pending.length > 0) options.onCleanup?.(pending)
    await cleanup.run()
  }
  const { removed, left, hasFailed } = cleanup.outcome()
  const { findings, stale } = applyKnown(sink.all(), kind?.differences ?? [], write)
  // What is left is listed in any case. A run that found nothing wrong must not end well with it.
  if (hasFailed && incomplete.length === 0 && findings.every(({ outcome }) => outcome !== 'broken'))
    incomplete.push({ area: 'cleanup', reason: 'what it made could not be removed: see what is left' })
  return {
    origin,
    server: kind?.name ?? 'unknown',
    version: typeof version === 'string' ? secrets.redact(version.slice(0, MAX_VERSION_CHARS)) : undefined,
    did: found.has.has('did') ? found.known.did : undefined,
    profiles,
    house,
    interrupted: deps.signal.aborted,
    incomplete,
    findings,
    absent,
    stale,
    removed,
    left: left.map(secrets.redact),
    requests: pace.count(),
    startedAt: new Date(startedAt).toISOString(),
    durationMs: deps.now() - startedAt,
  }
}
