import { connect } from '../../client/index.ts'
import type { RepoEvent } from '../../client/subscribe.ts'
import { toBase64url } from '../../crypto/base64url.ts'
import { createDirectory, DirectoryError } from '../../plc/directory.ts'
import { pass } from '../check.ts'
import { MoverError } from '../moverError.ts'
import { describeServer } from '../peers/describeServer.ts'
import { isCirrusOrigin } from '../peers/isCirrus.ts'
import { createSend } from '../send.ts'
import { blobChecks } from './checks/blobs.ts'
import { createAccountChecks } from './checks/createAccount.ts'
import { deactivateChecks } from './checks/deactivate.ts'
import { commitCheck, eventChecks, quietCheck } from './checks/events.ts'
import { identityChecks } from './checks/identity.ts'
import { importRepoChecks } from './checks/importRepo.ts'
import { servedChecks } from './checks/served.ts'
import { seenError } from './seen.ts'
import { makeThrowAway } from './throwAwayAccount.ts'
import type { Finding, Rehearsal, RehearsalDeps, TargetCheck } from './types.ts'

const named = (checks: readonly TargetCheck[], ...ids: string[]): TargetCheck[] =>
  checks.filter(({ id }) => ids.includes(id))
const others = (checks: readonly TargetCheck[], ...ids: string[]): TargetCheck[] =>
  checks.filter(({ id }) => !ids.includes(id))

/** Every expectation, in the order of a move. */
export const TARGET_CHECKS: readonly TargetCheck[] = [
  ...createAccountChecks,
  ...named(identityChecks, 'credentials'),
  ...importRepoChecks,
  ...blobChecks,
  quietCheck,
  ...others(identityChecks, 'credentials'),
  ...others(servedChecks, 'write'),
  ...eventChecks,
  ...named(servedChecks, 'write'),
  commitCheck,
  ...deactivateChecks,
]

export interface RehearseTargetOptions {
  /** Origin of the server. */
  readonly target: string
  /** By default a made-up name below the server's first domain. */
  readonly handle?: string | undefined
  readonly inviteCode?: string | undefined
  /** Called once the account is made up: what stays if the rehearsal is interrupted. */
  readonly onAccount?: (account: { did: string; handle: string }) => void
  /** Called with what each check has found. */
  readonly onFinding?: (finding: Finding) => void
}

export interface RehearsedTarget {
  readonly did: string
  readonly handle: string
  readonly findings: readonly Finding[]
  /** What was left behind, in sentences. */
  readonly left: readonly string[]
}

/** The longest front part of a handle that the reference gives out is 18 characters. */
const madeUpName = (random: RehearsalDeps['random']): string =>
  `rehearsal-${Buffer.from(random(4)).toString('hex')}`

/** Collects the events of one account from now on, until it is stopped. */
const followEvents = (deps: RehearsalDeps, origin: string, did: string) => {
  const stop = new AbortController()
  const events: RepoEvent[] = []
  let problem: string | undefined
  const done = (async () => {
    try {
      const signal = AbortSignal.any([stop.signal, deps.signal])
      for await (const event of deps.events(origin, signal))
        if (('did' in event ? event.did : event.repo) === did) events.push(event)
    } catch (cause) {
      problem = `the stream ended: ${seenError(cause)}`
    }
  })()
  return {
    events,
    problem: () => problem,
    stop: async () => {
      stop.abort()
      await done
    },
  }
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

/** Afterwards the DID names no server, so that nobody looks for the account. */
const cleanUp = async (rehearsal: Rehearsal): Promise<string[]> => {
  const { session, account, directory, newAccount, origin, deps } = rehearsal
  const left: string[] = []
  if (session) {
    const deactivated = await rehearsal.owner.com.atproto.server.deactivateAccount({}).then(
      () => true,
      () => false,
    )
    const state = deactivated ? 'deactivated' : 'perhaps active: deactivateAccount failed'
    left.push(
      `the account ${newAccount.handle} (${account.did}) at ${origin}, ${state}; its administrator can delete it`,
    )
  }
  const { cid, data } = await directory.head(account.did)
  if (data) {
    const { did: key } = account.rotationKey
    const { verificationMethods } = data
    const empty = { rotationKeys: [key], verificationMethods, alsoKnownAs: [], services: {} }
    const operation = await account.rotationKey.signOperation({ type: 'plc_operation', ...empty, prev: cid })
    await directory.submit(account.did, operation)
  }
  left.push(
    `${account.did} in the directory ${deps.directoryUrl}, which names no server any more; its keys are gone`,
  )
  return left
}

/**
 * Moves a made-up account to a server, as the account's old server and its owner's mover would, and says where the
 * server does not do what is expected of it. The directory must be the one that the server uses.
 */
export async function rehearseTarget(
  deps: RehearsalDeps,
  { target: origin, handle, inviteCode, onAccount, onFinding }: RehearseTargetOptions,
): Promise<RehearsedTarget> {
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
  const anyone = connect(origin, { fetch: deps.fetch })
  const stream = followEvents(deps, origin, account.did)
  const rehearsal: Rehearsal = {
    deps,
    origin,
    description,
    directory,
    account,
    newAccount: {
      handle: name,
      email: `${name.split('.')[0] ?? 'rehearsal'}@example.com`,
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
  return { did: account.did, handle: name, findings, left: await cleanUp(rehearsal) }
}
