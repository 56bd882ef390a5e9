import type { Client, Session } from '../../client/index.ts'
import type { RepoEvent } from '../../client/subscribe.ts'
import type { Directory } from '../../plc/directory.ts'
import type { MoverDeps } from '../moverDeps.ts'
import type { ServerDescription } from '../target.ts'
import type { Check } from '../check.ts'
import type { ThrowAwayAccount } from './throwAwayAccount.ts'

/** What a check found: what was expected, what was seen, and where the expectation is written down. */
export interface Finding extends Check {
  readonly expected: string
  /** Address of the specification. */
  readonly source: string
}

/** What a rehearsal takes from its surroundings. */
export interface RehearsalDeps extends MoverDeps {
  /** Follows the events of a server, from now on. */
  events(origin: string, signal: AbortSignal): AsyncIterable<RepoEvent>
}

/** The account at the target, as its owner has it. */
export interface RehearsedAccount {
  readonly did: string
  readonly handle: string
  readonly password: string
  readonly session: Session
}

/** What the target was asked so far. */
export interface Rehearsal {
  readonly deps: RehearsalDeps
  readonly origin: string
  readonly description: ServerDescription
  readonly directory: Directory
  readonly account: ThrowAwayAccount
  /** What createAccount needs besides. */
  readonly newAccount: { handle: string; email: string; password: string; inviteCode?: string }
  readonly anyone: Client
  /** With the session of the account. Throws while there is none. */
  readonly owner: Client
  /** The session that createAccount has given. */
  session: Session | undefined
  /** did:key of the target's signing key for the account, once it was recommended. */
  targetKey: string | undefined
  /** The newest revision that the target was seen to have. */
  rev: string
  /** The events of this account, in the order in which they came. */
  readonly events: readonly RepoEvent[]
  /** Why the events cannot be followed; undefined while they can. */
  eventsProblem(): string | undefined
}

/** One expectation. */
export interface TargetCheck {
  /** Does not change: for programs. */
  readonly id: string
  /** `should`: what differs deserves a look; no account is lost by it. */
  readonly level: 'must' | 'should'
  readonly expected: string
  readonly source: string
  /** Without what these have found to work, the question makes no sense. */
  readonly needs?: readonly string[]
  /** Returns what was seen, if it is not what was expected. An error of a call was not expected either. */
  run(rehearsal: Rehearsal): Promise<string | undefined>
}

const SPECS = 'https://atproto.com/specs'

/** Where the expectations are written down. */
export const SOURCES = {
  account: `${SPECS}/account`,
  blob: `${SPECS}/blob`,
  did: `${SPECS}/did`,
  eventStream: `${SPECS}/event-stream`,
  handle: `${SPECS}/handle`,
  migration: 'https://atproto.com/guides/account-migration',
  plc: 'https://web.plc.directory/spec/v0.1/did-plc',
  repository: `${SPECS}/repository`,
  serviceAuth: `${SPECS}/xrpc#inter-service-authentication-jwt`,
  sync: `${SPECS}/sync`,
  xrpc: `${SPECS}/xrpc`,
} as const
