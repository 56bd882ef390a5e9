import type { LexiconDoc } from '@atproto/lexicon'
import type { AskCode } from './codeRequest.ts'
import type { ServerKind } from './known/knownDifferences.ts'
import type {
  Area,
  ContractDeps,
  Credentials,
  Finding,
  Profile,
  Progress,
  Rule,
  ThrowAwayOptions,
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
  /**
   * Makes an account with a made-up name, and writes with it: with `write`, in place of credentials. With `mailedCode` it is
   * deleted again; else it stays, deactivated.
   */
  readonly throwAway?: ThrowAwayOptions
  /**
   * Reads the codes that the server mails to the account's address: for a PLC signature, and for the deletion of the account
   * that the run has made. With `write`. By default no mail is asked for.
   */
  readonly mailedCode?: AskCode
  /** The account to read. By default that of the credentials, or the first of listRepos. */
  readonly did?: string
  /** `write` for an account that has records, too. By default it is refused. */
  readonly accountHasRecords?: boolean
  /** Only these methods, and parts such as `firehose`. */
  readonly only?: (subject: string) => boolean
  /** Only these rules. */
  readonly onlyRules?: (rule: Rule) => boolean
  /** At most so many requests a second. Default: as fast as the server answers. */
  readonly perSecond?: number
  /** What is known about this server. By default it is recognized by its front page; null: nothing. */
  readonly kind?: ServerKind | null
  readonly areas?: readonly Area[]
  /** Called with each finding as it comes. */
  readonly onFinding?: (finding: Finding) => void
  /** Called before each request, and at the beginning of each area. */
  readonly onProgress?: (progress: Progress) => void
  /** Called with what is going to be removed, before it is, at the end or after an interrupt. */
  readonly onCleanup?: (what: readonly string[]) => void
}
