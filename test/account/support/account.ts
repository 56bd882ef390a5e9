import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Secp256k1Keypair } from '@atproto/crypto'
import { parseCid } from '@atproto/lex-data'
import { createBlobs, type Blobs } from '../../../src/account/blobs/blobs.ts'
import { Blocks } from '../../../src/account/blocks/blocks.ts'
import { checkAccount, type CheckReport } from '../../../src/account/repo/checkAccount.ts'
import { createExports, type Exports } from '../../../src/account/repo/exports/exports.ts'
import { createImports, type Imports } from '../../../src/account/import/imports.ts'
import { createJournal, type Journal } from '../../../src/account/journal.ts'
import { createPreferences, type Preferences } from '../../../src/account/preferences.ts'
import { createRecords, type Records } from '../../../src/account/repo/records.ts'
import { createRepo, type Repo, type RepoWrite } from '../../../src/account/repo/repo.ts'
import { migrate, type Migration } from '../../../src/account/db/schema.ts'
import {
  createSequencer,
  type SequencedEvent,
  type Sequencer,
} from '../../../src/account/events/sequencer.ts'
import { Sql } from '../../../src/account/db/sql.ts'
import { createRepack, type Repack } from '../../../src/account/blocks/packs/repack.ts'
import type { RemovalLogLimits } from '../../../src/account/blocks/history/removalLog.ts'
import type { Platform } from '../../../src/platform.ts'

export const DID = 'did:plc:abcdefghijklmnopqrstuvwx'
export const POST = 'app.bsky.feed.post'

/** Everything that an account's object has, on real storage, with a clock that the test moves. */
export interface TestAccount {
  storage: DurableObjectStorage
  sql: Sql
  platform: Platform
  clock: { now: number }
  key: Secp256k1Keypair
  blocks: Blocks
  records: Records
  repack: Repack
  blobs: Blobs
  sequencer: Sequencer
  journal: Journal
  preferences: Preferences
  repo: Repo
  exports: Exports
  imports: Imports
  /** The events that were broadcast. */
  events: SequencedEvent[]
  check(): Promise<CheckReport>
  /** A new object on the same storage: what was only in memory is lost. */
  restart(): TestAccount
}

export interface StorageOptions {
  /** How much the removal log keeps; by default as much as in production. */
  removalLogLimits?: RemovalLogLimits
  /** The migrations that the program has; by default its own. */
  migrations?: readonly Migration[]
}

const build = (
  storage: DurableObjectStorage,
  key: Secp256k1Keypair,
  clock: { now: number },
  options: StorageOptions = {},
): TestAccount => {
  const platform: Platform = {
    now: () => clock.now++,
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    timer: () => () => {},
    keepAlive: () => {},
    matchesPassword: async () => false,
    fetch: () => Promise.reject(new Error('no network here')),
    bucket: (env as unknown as { BLOBS: R2Bucket }).BLOBS,
  }
  const sql = new Sql(storage)
  migrate(sql, DID, platform.now(), options.migrations)
  const base = { sql, platform, did: DID }
  const events: SequencedEvent[] = []
  const blocks = new Blocks(sql, platform, options.removalLogLimits)
  const records = createRecords({ ...base, blocks })
  const repack = createRepack({ ...base, blocks })
  const blobs = createBlobs(base)
  const sequencer = createSequencer({ ...base, broadcast: (event) => void events.push(event) })
  const endStalledImport = (): void => imports.endStalled()
  const repo = createRepo({ ...base, signer: key, blocks, records, blobs, sequencer, endStalledImport })
  const journal = createJournal(base)
  const preferences = createPreferences(base)
  const exports = createExports({ ...base, blocks, repo })
  const imports = createImports({ ...base, signer: key, blocks, repack, blobs, sequencer, repo })
  return {
    storage,
    sql,
    platform,
    clock,
    key,
    blocks,
    records,
    repack,
    blobs,
    sequencer,
    journal,
    preferences,
    repo,
    exports,
    imports,
    events,
    check: () => checkAccount({ ...base, blocks, blobs, journal, repack }),
    restart: () => build(storage, key, clock, options),
  }
}

let objects = 0

const START = Date.parse('2026-11-22T00:00:00Z')

/** Runs a test inside an object of its own, whose storage is emptied first; `open` makes the tables, or migrates them. */
export const inStorage = async <T>(
  work: (storage: DurableObjectStorage, open: (now?: number) => TestAccount) => Promise<T>,
  options?: StorageOptions,
): Promise<T> => {
  const namespace = (env as unknown as { ACCOUNT: DurableObjectNamespace }).ACCOUNT
  const stub = namespace.get(namespace.idFromName(`storage test ${objects++}`))
  const key = await Secp256k1Keypair.create()
  return runInDurableObject(stub, async (_, { storage }) => {
    await storage.deleteAll()
    return work(storage, (now = START) => build(storage, key, { now }, options))
  })
}

/** Runs a test on an account whose tables are new. */
export const inAccount = <T>(
  work: (account: TestAccount) => Promise<T>,
  removalLogLimits?: RemovalLogLimits,
): Promise<T> => inStorage((_, open) => work(open()), { removalLogLimits })

/** A write of a post. */
export const post = (rkey: string, text: string, more: Record<string, unknown> = {}): RepoWrite => ({
  action: 'put',
  collection: POST,
  rkey,
  record: { $type: POST, text, createdAt: '2026-11-22T00:00:00.000Z', ...more } as never,
})

/** A write that deletes a post. */
export const unpost = (rkey: string): RepoWrite => ({ action: 'delete', collection: POST, rkey })

/** A stream of these bytes in chunks of this size. */
export const stream = (bytes: Uint8Array, chunk = 1000): ReadableStream<Uint8Array> => {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += chunk)))
    },
  })
}

/** All bytes of a stream. */
export const collect = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> =>
  new Uint8Array(await new Response(stream).arrayBuffer())

/** Pseudo-random numbers from 0 to 1, the same in every run. */
export const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** Uploads a blob; returns the reference for a record. */
export const blob = async ({ blobs }: TestAccount, text: string, mimeType = 'text/plain') => {
  const bytes = new TextEncoder().encode(text)
  const meta = await blobs.upload(new Response(bytes).body ?? new ReadableStream(), {
    mimeType,
    limit: 1e6,
    length: bytes.length,
  })
  return { $type: 'blob', ref: parseCid(meta.cid), mimeType, size: meta.size }
}
