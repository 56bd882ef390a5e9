/** How an account comes, goes and comes back: created, activated, deactivated. Nothing is ever deleted. */
import type { Secret } from '../crypto/secret.ts'
import { fault } from '../fault.ts'
import type { Platform } from '../platform.ts'
import { parseCommit, verifyCommit } from '../repo/commit.ts'
import { error, XrpcError } from '../xrpc/errors.ts'
import type { Blocks } from './blocks.ts'
import { carOf } from './commit.ts'
import type { Head } from './head.ts'
import { see } from './help.ts'
import type { IdentityWatch, Observation } from './identityWatch.ts'
import type { Journal } from './journal.ts'
import type { Rate } from './rate.ts'
import type { Relays } from './relays.ts'
import type { Repo } from './repo.ts'
import type { Sequencer } from './sequencer.ts'
import type { Sessions, Tokens } from './sessions.ts'
import { isPassword } from './signIn.ts'
import type { Sql } from './sql.ts'
import { readAccount } from './state.ts'
import { upstream } from './upstream.ts'

export interface LifecycleParts {
  sql: Sql
  platform: Pick<Platform, 'now'>
  repo: Repo
  blocks: Blocks
  sequencer: Sequencer
  journal: Journal
  sessions: Sessions
  rate: Rate
  watch: IdentityWatch
  relays: Relays
  did: string
  handle: string
  origin: string
  /** did:key of the configured signing key. */
  signingKey: string
  passwordHash: Secret
}

export interface CreateInput {
  did?: string
  handle: string
  password?: string
  plcOp?: unknown
  /** Where the request comes from. */
  network?: string | undefined
}

/** Milliseconds in which createAccount answers the same token again. */
const AGAIN = 2 * 60_000

export class Lifecycle {
  readonly #parts: LifecycleParts

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  /**
   * Makes room for an account that moves in: an empty repository, deactivated. The same token may
   * ask again for a short while, for an answer that was lost; another one may not. Later a copy of it that
   * leaked would open the owner's own session: whoever knows the password signs in.
   */
  async create(input: CreateInput, tokenId: string): Promise<Tokens> {
    const { sql, platform, repo, journal, sessions, did, handle } = this.#parts
    await this.#checkCreate(input)
    const known = () =>
      sql.first(
        `SELECT 1 AS yes FROM journal
         WHERE event = 'create-account' AND json_extract(detail, '$.token') = ? AND at > ?`,
        tokenId,
        platform.now() - AGAIN,
      ) !== undefined
    const exists = () =>
      error('InvalidRequest', `there is an account of ${did} here already: sign in with createSession`)
    if (readAccount(sql).stored === 'new') {
      await repo.create()
      sql.transaction(() => {
        if (readAccount(sql).stored !== 'new') return
        sql.run(`UPDATE account SET state = 'deactivated', deactivated_at = ?`, platform.now())
        journal.append('create-account', { handle, token: tokenId })
      })
    }
    if (!known() || readAccount(sql).activatedAt !== undefined) throw exists()
    return await sessions.create('sign-in', { via: 'createAccount' })
  }

  async #checkCreate(input: CreateInput): Promise<void> {
    const { did, handle, rate, passwordHash } = this.#parts
    if (input.plcOp !== undefined)
      throw error(
        'InvalidRequest',
        'plcOp is not taken here: submit the operation with submitPlcOperation later',
      )
    if (input.did !== did)
      throw error('InvalidRequest', `this server is for ${did} only, and takes it in: give it as did`)
    if (input.handle.toLowerCase() !== handle)
      throw new XrpcError(
        'HandleNotAvailable',
        `this server is set up with the handle ${handle} (HANDLE), not ${input.handle}`,
      )
    if (input.password === undefined) return
    rate.signIn(input.network)
    if (!(await isPassword(input.password, passwordHash)))
      throw new XrpcError(
        'InvalidPassword',
        'this server has a password already, set by `pds init`: give that one, or none',
      )
  }

  /** Brings the account up here, announced as account, identity, sync. May be repeated. */
  async activate(): Promise<void> {
    const { repo, sequencer, watch } = this.#parts
    this.#mustBeHere(await this.#lookUp())
    if (!repo.head()) await repo.create()
    const announced = await repo.exclusive(async () => {
      const head = repo.load()
      if (!(await this.#isSignedByUs(head))) return false
      // Moved again while this waited for its turn: a later observation knows better.
      if (watch.last) this.#mustBeHere(watch.last)
      sequencer.transaction(() => this.#announce(head, this.#commitCar(head), false))
      return true
    })
    // A relay believes only a commit that verifies under the key in the DID document now.
    if (!announced) await repo.resign({ within: (head, car) => this.#announce(head, car, true) })
  }

  /**
   * Looks where the DID points, and follows it: once it names another signing key, and this server was
   * given that key, a commit under it is signed, for relays believe no other.
   */
  async follow(): Promise<Observation> {
    const { watch, repo, sql } = this.#parts
    const observation = await watch.observe()
    if (readAccount(sql).stored !== 'active' || this.#problem(observation)) return observation
    const signed = await repo.exclusive(async () => {
      const head = repo.head()
      return !head || (await this.#isSignedByUs(head))
    })
    if (!signed) await repo.resign({ within: (head, car) => this.#announce(head, car, true) })
    return observation
  }

  /** Tells the network to look the DID up again. */
  async emitIdentity(): Promise<{ seq: number; handle: string; error?: string }> {
    const { sequencer, watch } = this.#parts
    let known: Observation | undefined
    let problem: string | undefined
    try {
      known = await this.#lookUp()
    } catch (cause) {
      if (!(cause instanceof XrpcError)) throw cause
      problem = cause.message
    }
    const handle = known?.handle ?? this.#parts.handle
    const { seq } = sequencer.transaction(() => {
      const event = sequencer.identity(handle)
      if (known && watch.isHere(known)) watch.announced(handle, known.signingKey)
      return event
    })
    return { seq, handle, ...(problem !== undefined && { error: problem }) }
  }

  /** Everything about an activation, in the transaction that makes it true. */
  #announce(head: Head, car: Uint8Array, newKey: boolean): void {
    const { sql, sequencer, journal, platform, signingKey, watch, relays } = this.#parts
    const handle = watch.last?.handle ?? this.#parts.handle
    const row = readAccount(sql)
    const now = platform.now()
    if (newKey) {
      journal.append('key-change', { signingKey, rev: head.rev })
      // What the old key signed is worthless in any case; this says so to a key that comes back.
      sql.run('UPDATE account SET tokens_not_before = max(tokens_not_before, ?)', now)
    }
    if (row.stored === 'active') {
      if (!newKey) return
      // The observation that noticed the new key has announced it.
      if (watch.announcedKey() !== signingKey) sequencer.identity(handle)
      watch.announced(handle, signingKey)
      sequencer.sync(head.rev, car)
      return
    }
    sql.run(
      `UPDATE account SET state = 'active', activated_at = ?, deactivated_at = NULL, delete_after = NULL,
       moved_to = NULL, moved_at = NULL`,
      now,
    )
    sequencer.account(true)
    sequencer.identity(handle)
    sequencer.sync(head.rev, car)
    watch.announced(handle, signingKey)
    relays.hurry()
    journal.append('activate', { rev: head.rev, commit: head.root.toString() })
  }

  /**
   * Takes the account out of service here. By a migration token only once the DID names another PDS:
   * a token that leaked must not silence the account. May be repeated.
   */
  async deactivate(options: { deleteAfter?: string; byToken: boolean }): Promise<void> {
    const { sql, platform, repo, sequencer, journal, watch } = this.#parts
    if (options.byToken) {
      const observation = await this.#lookUp()
      if (watch.isHere(observation) || observation.pds === undefined)
        throw error(
          'Forbidden',
          `the DID does not name another PDS yet, so a token cannot deactivate the account; the owner can, with \`pds deactivate\`. ${see('did-elsewhere')}`,
        )
    }
    // In turn with the commits: none is under way, and none follows.
    await repo.exclusive(async () =>
      sequencer.transaction(() => {
        const { stored } = readAccount(sql)
        const { deleteAfter } = options
        if (stored === 'deactivated') {
          if (deleteAfter !== undefined) sql.run('UPDATE account SET delete_after = ?', deleteAfter)
          return
        }
        sql.run(
          `UPDATE account SET state = 'deactivated', deactivated_at = ?, delete_after = ?`,
          platform.now(),
          deleteAfter ?? null,
        )
        fault('deactivate.afterState')
        sequencer.account(false, 'deactivated')
        fault('deactivate.afterEvent')
        journal.append('deactivate', {
          deleteAfter: deleteAfter ?? null,
          by: options.byToken ? 'token' : 'owner',
        })
      }),
    )
    // The network's word on where the account went, for `pds status`; not worth failing for.
    await watch.glance()
  }

  /** Whether the DID names this server and its signing key; false where nobody can say. */
  async isDidValid(): Promise<boolean> {
    const observation = await this.#parts.watch.glance()
    return observation !== undefined && this.#problem(observation) === undefined
  }

  async #lookUp(): Promise<Observation> {
    try {
      return await this.#parts.watch.observe()
    } catch (cause) {
      throw upstream(cause)
    }
  }

  /** What is wrong with the DID, seen from here, and the way out. */
  #problem({ pds, signingKey, head }: Observation): string | undefined {
    const { did, origin, signingKey: ours } = this.#parts
    if (head && !head.data) return `${did} has been tombstoned: it can never be used again`
    const where = `the DID names ${pds ?? 'no PDS'} and not ${origin}`
    if (pds !== origin)
      return did.startsWith('did:plc:')
        ? `${where}. To move the account here, \`pds import --from ${pds ?? '<host>'}\` has the operation signed there`
        : `${where}. Change serviceEndpoint of #atproto_pds in the did.json of ${did} to ${origin}`
    if (signingKey !== ours)
      return `the DID names the signing key ${signingKey ?? '(none)'}, this server has ${ours}: give it that key (SIGNING_KEY), or put ours into the DID document`
    return undefined
  }

  #mustBeHere(observation: Observation): void {
    const problem = this.#problem(observation)
    if (problem) throw error('InvalidRequest', `not activated: ${problem}. ${see('did-elsewhere')}`)
  }

  async #isSignedByUs(head: Head): Promise<boolean> {
    const { blocks, signingKey } = this.#parts
    const bytes = blocks.read(head.root)
    if (!bytes) throw new Error(`the commit ${head.root} is missing`)
    return await verifyCommit(parseCommit(bytes), signingKey)
  }

  #commitCar(head: Head): Uint8Array {
    const bytes = this.#parts.blocks.read(head.root)
    if (!bytes) throw new Error(`the commit ${head.root} is missing`)
    return carOf(head.root, [{ cid: head.root, bytes }])
  }
}
