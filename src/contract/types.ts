import type { Socket, SocketConstructor } from '../client/subscribe.ts'
import type { Asking, Answer } from './ask.ts'
import type { Exchange } from './exchange.ts'
import type { LexiconSet } from './lexicon/lexiconSet.ts'
import type { Found } from './discover.ts'
import type { AskCode } from './codeRequest.ts'

/**
 * What an expectation rests on. must: a lexicon or a specification says so. should: clients in the field depend on it.
 * house: what a Cirrus promises besides, asked of no other server.
 */
export type Level = 'must' | 'should' | 'house'

/** What one wants to know. source: can an account leave. target: can one move in. daily: can apps live there. */
export type Profile = 'source' | 'target' | 'daily'

/** One expectation: docs/contract.md lists them all. */
export interface Rule {
  /** Never changes: for programs, and for the files of known differences. */
  readonly id: string
  /** What is expected, in one sentence. */
  readonly sentence: string
  readonly level: Level
  /** Where it is written down: a specification, a lexicon, or the client and its report. */
  readonly source: string
  readonly profiles: readonly Profile[]
}

/**
 * kept, broken: as the rule says, or not. known: not as it says, and a file of known differences says why. unclear:
 * could not be judged, for example because an earlier request failed.
 */
export type Outcome = 'kept' | 'broken' | 'known' | 'unclear'

/** What was found about one rule in one place. */
export interface Finding {
  readonly rule: Rule
  /** The NSID of the method, or the part of the server, such as `firehose`. */
  readonly subject: string
  /** What was tried: with rule and subject it names the finding, in every run. */
  readonly case: string
  readonly outcome: Outcome
  readonly expected: string
  readonly got: string
  readonly exchanges: readonly Exchange[]
  /** Why it is known, or unclear. */
  readonly reason?: string
}

/** Where an expectation is tried. */
export interface Place {
  readonly subject: string
  readonly case: string
  /** What the answer should be. By default the rule's sentence. */
  readonly expected?: string
}

/** What is not as expected, in words; undefined if it is. */
export type Problem = string | undefined

/** Thrown where an expectation cannot be judged. Its message is the reason. */
export class Unclear extends Error {
  override readonly name = 'Unclear'
}

/** A WebSocket that can stop reading, so that the server's buffers fill. The package `ws` has it. */
export type PausableSocket = new (url: string) => Socket & { pause(): void; resume(): void }

/** What a run takes from its surroundings. */
export interface ContractDeps {
  fetch(request: Request): Promise<Response>
  /** Opens WebSockets: the global one of Node, or what a test puts in its place. */
  readonly WebSocket: SocketConstructor
  /** Absent where the runtime has none: then what a slow reader gets is not tried. */
  readonly PausableSocket?: PausableSocket
  /** How long an event may take to come, and a stream that is silent for so long has nothing more. Default: 8 s. */
  readonly patienceMs?: number
  now(): number
  sleep(ms: number): Promise<void>
  /** Calls `ring` after so long, unless what it returns is called before. Absent: timers run out by themselves. */
  timer?(ms: number, ring: () => void): () => void
  /** A whole answer has so long. Default: two minutes. */
  readonly answerTimeoutMs?: number
  random(length: number): Uint8Array
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal
}

/** The account whose password is known. With it the suite signs in. */
export interface Credentials {
  readonly identifier: string
  readonly password: string
}

/** How made-up accounts are made. */
export interface ThrowAwayOptions {
  /** Where its server mails to. By default an address that nobody has. */
  readonly email?: string | undefined
  readonly inviteCode?: string | undefined
  /** A second one moves in from elsewhere. Its DID is made in the PLC directory, and stays. */
  readonly movesIn?: boolean
}

/** A session that the suite opened. It ends at the end of the run. */
export interface OwnSession {
  readonly did: string
  readonly handle: string
  readonly accessJwt: string
  readonly refreshJwt: string
}

/** An account that a run has made. */
export interface MadeAccount {
  readonly session: OwnSession
  readonly password: string
  /** Why it could not be deleted: then it is not tried again. */
  notDeleted?: string
}

/** A run against one server: what the areas check with. */
export interface Run {
  readonly origin: string
  readonly deps: ContractDeps
  readonly lexicons: LexiconSet
  readonly found: Found
  /** Whether this method is a part of the run. */
  wants(id: string): boolean
  /** Whether the server has this method. */
  serves(id: string): boolean
  /** Origin of the PLC directory that the server uses. */
  readonly plcUrl: string
  /** An export of more bytes is not read to its end. */
  readonly maxRepoBytes: number
  /** The admin password of a Cirrus. */
  readonly adminPassword: string | undefined
  readonly credentials: Credentials | undefined
  /** Records, blobs and sessions may be made, and the account deactivated and activated. */
  readonly write: boolean
  /** Undefined: no accounts are made. */
  readonly throwAway: ThrowAwayOptions | undefined
  /** The account that this run has made, and may delete. Undefined: the account is somebody's. */
  readonly madeAccount: MadeAccount | undefined
  /** Reads the codes that the server mails to the account's address. Undefined: none is asked for. */
  readonly mailedCode: AskCode | undefined
  /** Whether rules of this level and these profiles are asked for. */
  applies(rule: Rule): boolean
  /** The session of `credentials`, opened once. Undefined without credentials, or where the server refuses them. */
  session(): Promise<OwnSession | undefined>
  /** Asks outside of any expectation, to find something out. Every answer is judged by the rules for all answers. */
  readonly ask: Asking
  /**
   * Tries one expectation, if it applies. What `check` asks is kept with the finding. If there is no answer, or `check`
   * throws, the expectation is broken, with what was thrown.
   */
  expect(rule: Rule, place: Place, check: (ask: Asking) => Promise<Problem>): Promise<void>
  /** Says what became of an expectation that several share the answers of. */
  judge(rule: Rule, place: Place, problem: Problem, answers: readonly Pick<Answer, 'exchange'>[]): void
  /** Something could not be tried. `expect` says the same where `check` throws `Unclear`. */
  unclear(rule: Rule, place: Place, reason: string): void
  /** Kept out of what is reported: tokens and passwords that the server gave out. */
  hide(secret: string): void
  /** Replaces what is hidden. */
  redact(text: string): string
  /**
   * The server does not have this part of the contract: said in the report, and not a fault. `subject` is the method or path
   * that it is about, if not `what` itself; where that is not asked for, nothing is said.
   */
  absent(what: string, subject?: string): void
  /** Registers how to undo something that was made. Run in reverse order at the end, whatever happens. */
  made(what: string, undo: () => Promise<void>): void
  /** Something that was made, and removed already. */
  removed(what: string): void
  /** Something that was made and stays. */
  stays(what: string): void
  /** The account was deleted, and everything that was made is gone with it. */
  gone(): void
  /** Whether it was. */
  isGone(): boolean
}

/** A part of the contract: rules, and how they are tried. */
export interface Area {
  readonly name: string
  readonly rules: readonly Rule[]
  /** About how many requests `check` sends, for the time that is left. Default: 20. */
  requests?(run: Run): number
  check(run: Run): Promise<void>
}

/** A rule about every answer to any request: yields what is wrong with it. */
export interface AnswerRule extends Rule {
  /** `id` is the NSID that was asked. */
  judge(answer: Answer, id: string, run: Pick<Run, 'lexicons'>): Iterable<string>
}

/** What became of a run. */
export interface Report {
  readonly origin: string
  /** The kind of server, by its front page: the name of a file of known differences, or `unknown`. */
  readonly server: string
  /** What `/xrpc/_health` says, which no specification asks for. */
  readonly version: string | undefined
  readonly did: string | undefined
  readonly profiles: readonly Profile[]
  readonly house: boolean
  /** Ended by the user: what is missing was not tried. */
  readonly interrupted: boolean
  /** Areas that ended before their end, and why. */
  readonly incomplete: readonly { readonly area: string; readonly reason: string }[]
  readonly findings: readonly Finding[]
  /** Methods of the lexicons, and parts of the contract, that the server does not have. */
  readonly absent: readonly string[]
  /** Known differences that were tried and are not there any more. */
  readonly stale: readonly StaleDifference[]
  /** What was made and removed again, and what could not be removed. */
  readonly removed: readonly string[]
  readonly left: readonly string[]
  readonly requests: number
  readonly startedAt: string
  readonly durationMs: number
}

/** How far a run is. */
export interface Progress {
  readonly area: string
  /** From 1. */
  readonly step: number
  readonly steps: number
  /** Sent until now. */
  readonly requests: number
  /** About how many are still to be sent. */
  readonly left: number
}

export interface StaleDifference {
  readonly rule: string
  readonly subject: string
  readonly reason: string
}
