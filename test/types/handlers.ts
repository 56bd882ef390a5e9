/**
 * Mistakes that must not compile. `tsc` checks this file: an @ts-expect-error above a line that
 * does compile is an error by itself, so types that decayed to `any` are found here.
 */
import type { Sequencer } from '../../src/account/events/sequencer.ts'
import { accountHandlers, workerHandlers } from '../../src/handlers/index.ts'
import type { AuthOf, Handler, Handlers } from '../../src/handlers/context.ts'
import type { Methods } from '../../src/generated/methods.ts'
import { policy, type Rule } from '../../src/policy.ts'

// ── The tables of handlers ──

const { 'com.atproto.sync.getRepo': getRepo, ...rest } = accountHandlers

/** All of them do compile. */
export const complete: Handlers<'account'> = { ...rest, 'com.atproto.sync.getRepo': getRepo }

// @ts-expect-error a handler is missing
export const missing: Handlers<'account'> = { ...rest }

export const extra: Handlers<'account'> = {
  ...accountHandlers,
  // @ts-expect-error no document declares this method
  'com.atproto.sync.getEverything': getRepo,
}

// @ts-expect-error one is misspelt, so it is missing too
export const misspelt: Handlers<'account'> = { ...rest, 'com.atproto.sync.getrepo': getRepo }

export const misplaced: Handlers<'worker'> = {
  ...workerHandlers,
  // @ts-expect-error the policy says that it runs in the account's object
  'com.atproto.sync.getRepo': getRepo,
}

export const swapped: Handlers<'account'> = {
  ...rest,
  // @ts-expect-error another method's handler
  'com.atproto.sync.getRepo': accountHandlers['com.atproto.sync.listBlobs'],
}

// ── Outputs ──

export const rightOutput: Handler<'com.atproto.sync.getLatestCommit'> = () => ({ cid: 'bafy', rev: '3j' })

// @ts-expect-error a required field is missing
export const shortOutput: Handler<'com.atproto.sync.getLatestCommit'> = () => ({ cid: 'bafy' })

// @ts-expect-error a field has the wrong type
export const wrongOutput: Handler<'com.atproto.sync.getLatestCommit'> = async () => ({ cid: 'bafy', rev: 3 })

// @ts-expect-error an output where none is declared
export const someOutput: Handler<'com.atproto.server.activateAccount'> = () => ({ ok: true })

// @ts-expect-error no output where one is declared
export const noOutput: Handler<'com.atproto.server.getSession'> = () => undefined

// ── Encodings ──

const body = new ReadableStream<Uint8Array>()

export const rightEncoding: Handler<'com.atproto.sync.getRepo'> = () => ({
  encoding: 'application/vnd.ipld.car',
  body,
})

export const anyEncoding: Handler<'com.atproto.sync.getBlob'> = () => ({ encoding: 'image/png', body })

export const wrongEncoding: Handler<'com.atproto.sync.getRepo'> = () => ({
  // @ts-expect-error the lexicon says application/vnd.ipld.car
  encoding: 'application/json',
  body,
})

export const buffered: Handler<'com.atproto.sync.getRepo'> = () => ({
  encoding: 'application/vnd.ipld.car',
  // @ts-expect-error a body is a stream, never a buffer
  body: new Uint8Array(),
})

// ── Errors ──

export const errors: Handler<'com.atproto.sync.getRepo'> = ({ error }) => {
  void error('RepoNotFound', 'declared')
  void error('InvalidRequest', 'standard')
  // @ts-expect-error another method's error
  void error('BlobNotFound', 'not declared here')
  // @ts-expect-error nobody's error
  void error('RepoOnFire', 'not declared anywhere')
  throw error('RepoDeactivated', 'declared')
}

// ── Params and input ──

export const params: Handler<'com.atproto.repo.listRecords'> = ({ params: given, input }) => {
  const repo: string = given.repo
  const cursor: string | undefined = given.cursor
  // @ts-expect-error no such parameter
  void given.rkeyStart
  // @ts-expect-error a number
  const limit: string = given.limit
  // @ts-expect-error a query has no input
  void input.anything
  return { records: [], cursor: [repo, cursor, limit].join() }
}

export const input: Handler<'com.atproto.repo.deleteRecord'> = ({ input: given }) => {
  const rkey: string = given.rkey
  // @ts-expect-error optional
  const swap: string = given.swapCommit
  // @ts-expect-error no such field
  void given.record
  return { commit: { cid: rkey, rev: swap } }
}

export const streamed: Handler<'com.atproto.repo.importRepo'> = ({ input: given }) => {
  const car: 'application/vnd.ipld.car' = given.encoding
  const bytes: ReadableStream<Uint8Array> = given.body
  // @ts-expect-error a stream is not JSON
  void given.body.preferences
  void [car, bytes]
}

// ── Credentials ──

/** Only the admin calls it, so the handler knows nothing else. */
export const admin: Handler<'com.cirrus.admin.getJournal'> = ({ auth }) => {
  const grants: 'admin' = auth.grants
  // @ts-expect-error the policy lets no session in
  if (auth.grants === 'session') void grants
  return { entries: [] }
}

export const token: Handler<'com.atproto.identity.signPlcOperation'> = ({ auth }) => {
  if (auth.grants === 'plc:sign') void auth.claims.jti
  // @ts-expect-error the admin does not sign
  if (auth.grants === 'admin') throw new Error()
  // @ts-expect-error another scope opens other methods
  if (auth.grants === 'repo:read') throw new Error()
  return { operation: {} }
}

// @ts-expect-error nobody signs in with a session
export const session: AuthOf<'com.atproto.server.createSession'> = { kind: 'session', grants: 'session' }

// ── Places ──

export const inAccount: Handler<'com.atproto.sync.getRepoStatus'> = ({ account }) => ({
  did: account.did,
  active: true,
})

// @ts-expect-error there is no account in the Worker
export const inWorker: Handler<'com.atproto.server.describeServer'> = ({ account }) => ({ did: account.did })

// ── The policy ──

const { 'com.atproto.sync.getRepo': row, ...others } = policy

export const wholePolicy = { ...others, 'com.atproto.sync.getRepo': row } satisfies Record<
  keyof Methods,
  Rule
>

// @ts-expect-error a method without a row
export const gap = { ...others } satisfies Record<keyof Methods, Rule>

// @ts-expect-error there is no such state
export const state = { runs: 'account', who: { admin: ['asleep'] } } satisfies Rule

// @ts-expect-error there is no such credential
export const kind = { runs: 'account', who: { password: ['active'] } } satisfies Rule

// Subscriptions: no body, no answer, and messages by their lexicon's union.
export const subscribed: Handler<'com.atproto.sync.subscribeRepos'> = ({
  params,
  socket,
  error,
  ...rest
}) => {
  socket.send(new Uint8Array([params.cursor ?? 0]))
  // @ts-expect-error a subscription has no input
  void rest.input
  // @ts-expect-error another method's error
  throw error('BlobNotFound', '')
}

// @ts-expect-error a subscription answers nothing
export const answered: Handler<'com.atproto.sync.subscribeRepos'> = () => ({ cursor: 1 })

export const told = (sequencer: Sequencer): void => {
  sequencer.append('account', { active: false, status: 'deactivated' })
  // @ts-expect-error a misspelt field
  sequencer.append('account', { activ: true })
  // @ts-expect-error a required field is missing
  sequencer.append('sync', { rev: '3jzfcijpj2z2a' })
  // @ts-expect-error an #info is not in the log
  sequencer.append('info', { name: 'OutdatedCursor' })
}
