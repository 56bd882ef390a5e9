// The mover engine between two real servers, with an owner who answers everything and faults that are put in by the test.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { moveAccount } from '../../../src/mover/moveAccount.ts'
import { passwordSource } from '../../../src/mover/peers/passwordSource.ts'
import { standardTarget } from '../../../src/mover/peers/standardTarget.ts'
import type { MoveReport } from '../../../src/mover/moveEvent.ts'
import type { MoveOptions } from '../../../src/mover/moveRequest.ts'
import type { MoveStore } from '../../../src/mover/moveStore.ts'
import type { MoverDeps } from '../../../src/mover/moverDeps.ts'
import type { Owner, Questions } from '../../../src/mover/owner.ts'
import { memoryStore } from '../../mover/fakes/memoryStore.ts'
import type { PlcDirectory } from '../../support/plc.ts'
import type { Reference, ReferenceAccount } from './reference.ts'
import { seed, type Seeded } from './seed.ts'
import { readIdentity, readRepo, type RepoState, wrongBlobs } from './verify.ts'

export interface MoveStage {
  readonly plc: PlcDirectory
  readonly source: Reference
  readonly target: Reference
}

/** An account on the source that has not moved yet, and what it holds. */
export interface Mover {
  readonly account: ReferenceAccount
  readonly seeded: Seeded
  readonly before: RepoState
}

export const NEW_PASSWORD = 'a new password'

let count = 0
export async function newMover(
  { source }: MoveStage,
  counts: { records: number; blobs: number; blobBytes?: number } = { records: 12, blobs: 4 },
): Promise<Mover> {
  const account = await source.createAccount({ handle: `mover-${count++}.test` })
  const seeded = await seed(account.agent, counts)
  return { account, seeded, before: await readRepo(source.url, account.did) }
}

type Answers = {
  [Name in keyof Questions]?: (
    asks: Questions[Name]['asks'],
  ) => Questions[Name]['answer'] | Promise<Questions[Name]['answer']>
}

const ownerOf = ({ source }: MoveStage, { account }: Mover, answers: Answers): Owner => {
  const usual: Answers = {
    sourcePassword: () => account.password,
    newPassword: () => NEW_PASSWORD,
    targetPassword: () => NEW_PASSWORD,
    email: () => account.email,
    handle: () => account.handle,
    rotationKey: () => 'notMine',
    confirm: () => true,
    async plcCode({ sentAt, send }) {
      if (sentAt === undefined) await send()
      const mailed = () => source.plcToken(account.did)
      // A mover that dies may have noted that a code is on its way, and not have asked for it: the mailbox is empty.
      return await mailed().catch(async () => {
        await send()
        return await mailed()
      })
    },
  }
  return {
    async answer(name, asks) {
      const answer = answers[name] ?? usual[name]
      if (!answer) throw new Error(`nobody answers ${name}`)
      return await answer(asks)
    },
  }
}

export interface RunOptions {
  store?: MoveStore
  fetch?: typeof fetch
  answers?: Answers
  options?: MoveOptions
  signal?: AbortSignal
}

/** One run of the mover. */
export async function runMover(stage: MoveStage, mover: Mover, run: RunOptions = {}): Promise<MoveReport> {
  const { plc, source, target } = stage
  const { store = memoryStore(), answers = {}, options = {}, signal = new AbortController().signal } = run
  const send = run.fetch ?? fetch
  const deps: MoverDeps = {
    fetch: (url, init) => send(url, init),
    now: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    // Waits are what the mover decides; how long they take is not what is tested here.
    wait: async (ms, signal) => {
      await sleep(Math.min(ms, 20), undefined, { signal })
    },
    signal,
    directoryUrl: plc.url,
    dev: true,
  }
  const owner = ownerOf(stage, mover, answers)
  const { did } = mover.account
  return await moveAccount({
    account: did,
    source: passwordSource({ origin: source.url, identifier: did, owner, deps }),
    target: standardTarget({ origin: target.url, owner, deps }),
    owner,
    store,
    deps,
    options,
  })
}

/** Everything that a finished move must not have lost, as sentences; empty if nothing is. */
export async function lost(
  { plc, target, source }: MoveStage,
  { account, seeded, before }: Mover,
): Promise<string[]> {
  const { did } = account
  const problems: string[] = []
  const identity = await readIdentity(plc.url, did)
  if (identity.pds !== target.url) return [`the DID names ${String(identity.pds)}`]
  const after = await readRepo(target.url, did)
  for (const [path, cid] of before.records)
    if (after.records.get(path) !== cid) problems.push(`the record ${path}`)
  for (const cid of await wrongBlobs(target.url, did, seeded)) problems.push(`the blob ${cid}`)
  const agent = await signIn(target, account)
  const { preferences } = (await agent('app.bsky.actor.getPreferences')) as { preferences: unknown[] }
  if (preferences.length !== 1) problems.push('the preferences')
  const status = await fetch(`${source.url}/xrpc/com.atproto.sync.getRepoStatus?did=${did}`)
  const { active } = (await status.json()) as { active: boolean }
  if (active) problems.push('the source is still active')
  return problems
}

const signIn = async ({ url }: Reference, { did }: ReferenceAccount) => {
  const session = await fetch(`${url}/xrpc/com.atproto.server.createSession`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier: did, password: NEW_PASSWORD }),
  })
  const { accessJwt } = (await session.json()) as { accessJwt: string }
  return async (method: string): Promise<unknown> =>
    (await fetch(`${url}/xrpc/${method}`, { headers: { authorization: `Bearer ${accessJwt}` } })).json()
}
