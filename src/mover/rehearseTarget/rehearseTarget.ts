import { connect, type Fetch } from '../../client/index.ts'
import { toBase64url } from '../../crypto/base64url.ts'
import { createDirectory, DirectoryError } from '../../plc/directory.ts'
import { pass } from '../check.ts'
import { MoverError } from '../moverError.ts'
import { describeServer } from '../peers/describeServer.ts'
import { isCirrusOrigin } from '../peers/isCirrus.ts'
import { moverFailure } from '../refusal.ts'
import { createSend } from '../send.ts'
import { cleanUp } from './cleanUp.ts'
import { followEvents } from './followEvents.ts'
import { seenError } from './seen.ts'
import { TARGET_CHECKS } from './targetChecks.ts'
import { makeThrowAway } from './throwAwayAccount.ts'
import type { Finding, Rehearsal, RehearsalDeps, RehearsedAccount, TargetCheck } from './types.ts'

export interface RehearseTargetOptions {
  /** Origin of the server. */
  readonly target: string
  /** By default a made-up name below the server's first domain. */
  readonly handle?: string | undefined
  readonly inviteCode?: string | undefined
  /** Address of the account. By default one that nobody has. */
  readonly email?: string | undefined
  /** Deletes the account at the end. By default, and where this rejects, it stays, deactivated. */
  readonly removeAccount?: (account: RehearsedAccount) => Promise<void>
  /** How long one request may take, its body too; by default a minute. */
  readonly timeoutMs?: number
  /** Called once the account is made up: what stays if the rehearsal is interrupted. */
  readonly onAccount?: (account: { did: string; handle: string }) => void
  /** Called with what each check has found. */
  readonly onFinding?: (finding: Finding) => void
}

export interface RehearsedTarget {
  readonly did: string
  readonly handle: string
  readonly findings: readonly Finding[]
  /** What was left behind, in sentences. Of an account that was removed, a DID that names no server any more is not counted. */
  readonly left: readonly string[]
}

/** The longest front part of a handle that the reference gives out is 18 characters. */
const madeUpName = (random: RehearsalDeps['random']): string =>
  `rehearsal-${Buffer.from(random(4)).toString('hex')}`

/** A server that never answers ends one check, and not the rehearsal. */
const fetchInTime =
  ({ fetch }: RehearsalDeps, timeoutMs: number): Fetch =>
  (input, init) => {
    const late = AbortSignal.timeout(timeoutMs)
    return fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, late]) : late })
  }

const findingOf = async (
  check: TargetCheck,
  rehearsal: Rehearsal,
  blocked: ReadonlySet<string>,
): Promise<{ finding: Finding; isBlocking: boolean }> => {
  const { id, level, expected, source } = check
  const missing = check.needs?.find((need) => blocked.has(need))
  const about = { expected, source }
  if (missing !== undefined) {
    const text = `not asked, because ${missing} does not work`
    return { finding: { ...about, id, level: 'warn', seen: text }, isBlocking: true }
  }
  const seen = await check.run(rehearsal).catch((cause: unknown) => {
    rehearsal.deps.signal.throwIfAborted()
    // Nothing can be said of the target while the directory does not answer.
    if (cause instanceof DirectoryError && cause.retryable) throw cause
    return seenError(cause)
  })
  if (seen === undefined) return { finding: { ...about, ...pass(id, expected) }, isBlocking: false }
  const isWrong = level === 'must'
  return { finding: { ...about, id, level: isWrong ? 'fail' : 'warn', seen }, isBlocking: isWrong }
}

/**
 * Moves a made-up account to a server, as the account's old server and its owner's mover would, and says where the
 * server does not do what is expected of it. The directory must be the one that the server uses.
 */
export const rehearseTarget = async (
  deps: RehearsalDeps,
  options: RehearseTargetOptions,
): Promise<RehearsedTarget> => {
  try {
    return await rehearse(deps, options)
  } catch (cause) {
    throw moverFailure(cause, 'target')
  }
}

async function rehearse(deps: RehearsalDeps, options: RehearseTargetOptions): Promise<RehearsedTarget> {
  const { target: origin, handle, inviteCode, email, timeoutMs = 60_000, onAccount, onFinding } = options
  const description = await describeServer(origin, deps)
  if (await isCirrusOrigin(origin, deps))
    throw new MoverError(
      'bad-target',
      `${origin} is a Cirrus, which takes only the account that it is set up for`,
      {
        next: 'rehearse the move of that account: `pds move --rehearse`',
      },
    )
  const [domain] = description.availableUserDomains
  if (handle === undefined && domain === undefined)
    throw new MoverError('bad-target', `${origin} gives out no handles, so none can be made up`, {
      next: 'give a handle that the server takes',
    })
  if (description.inviteCodeRequired && inviteCode === undefined)
    throw new MoverError('invite-needed', `${origin} wants an invite code for a new account`)
  const name = handle ?? `${madeUpName(deps.random)}${domain ?? ''}`
  const directory = createDirectory(createSend(deps), deps.directoryUrl)
  const account = await makeThrowAway(deps, directory, name)
  onAccount?.({ did: account.did, handle: name })
  const anyone = connect(origin, { fetch: fetchInTime(deps, timeoutMs) })
  const stream = followEvents(deps, origin, account.did)
  const rehearsal: Rehearsal = {
    deps,
    origin,
    description,
    directory,
    account,
    newAccount: {
      handle: name,
      email: email ?? `${name.split('.')[0] ?? 'rehearsal'}@example.com`,
      password: toBase64url(deps.random(24)),
      ...(inviteCode === undefined ? {} : { inviteCode }),
    },
    anyone,
    get owner() {
      if (!rehearsal.session) throw new Error('there is no session')
      return (owner ??= anyone.withSession(rehearsal.session))
    },
    session: undefined,
    targetKey: undefined,
    rev: '',
    events: stream.events,
    eventsProblem: stream.problem,
  }
  let owner: Rehearsal['owner'] | undefined
  const findings: Finding[] = []
  const blocked = new Set<string>()
  try {
    for (const check of TARGET_CHECKS) {
      const { finding, isBlocking } = await findingOf(check, rehearsal, blocked)
      if (isBlocking) blocked.add(check.id)
      findings.push(finding)
      onFinding?.(finding)
    }
  } finally {
    await stream.stop()
  }
  return { did: account.did, handle: name, findings, left: await cleanUp(rehearsal, options.removeAccount) }
}
