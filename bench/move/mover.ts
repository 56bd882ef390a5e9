// A process of its own that moves one account, so that its memory can be measured. The move comes as its one message.
import { subscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../src/client/index.ts'
import {
  adminSource,
  folderStore,
  moveAccount,
  type Owner,
  passwordSource,
  type QuestionName,
  type Questions,
  standardTarget,
} from '../../src/mover/index.ts'
import { moveLikeGoat } from '../../test/interop/support/goat.ts'

/** What a mover is given. */
export interface Move {
  /** Ours, or the calls of the usual tools, one after the other, with @atproto/api. */
  readonly mover: 'engine' | 'plain'
  readonly did: string
  readonly handle: string
  readonly password: string
  readonly source: {
    readonly kind: 'cirrus' | 'reference'
    readonly url: string
    readonly adminPassword: string
  }
  readonly target: string
  readonly plcUrl: string
  /** How much later each request is sent, as by a network. */
  readonly delayMs: number
}

/** What it says: that it needs the code for the PLC operation, or what the move took. */
export type Said =
  | { readonly asks: 'code' }
  | { readonly failed: string }
  | {
      readonly ms: number
      readonly requests: number
      readonly uploads: number
      readonly bytesSent: number
      /** Bytes of memory of the process before the move, and its peak. */
      readonly before: number
      readonly peak: number
    }

const NEW_PASSWORD = 'the new password'
const EMAIL = 'alice@example.com'

const counts = { requests: 0, uploads: 0, bytesSent: 0 }

const say = (said: Said): void => void process.send?.(said)

const code = (): Promise<string> =>
  new Promise((resolve) => {
    process.once('message', (answer) => resolve(String(answer)))
    say({ asks: 'code' })
  })

/** Counts what `fetch` sends, which both movers use: by the channels of Node's own HTTP client. */
const countRequests = (): void => {
  // The messages are as Node's documentation of undici says.
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: { path: string } }
    counts.requests++
    if (request.path.includes('com.atproto.repo.uploadBlob')) counts.uploads++
  })
  subscribe('undici:request:bodyChunkSent', (message) => {
    const { chunk } = message as { chunk: string | Uint8Array }
    counts.bytesSent += Buffer.byteLength(chunk)
  })
}

const ownerOf = ({ handle, password }: Move): Owner => {
  const answers: { [Name in QuestionName]?: () => Promise<Questions[Name]['answer']> } = {
    sourcePassword: async () => password,
    newPassword: async () => NEW_PASSWORD,
    email: async () => EMAIL,
    handle: async () => handle,
    rotationKey: async () => 'notMine',
    confirm: async () => true,
  }
  return {
    answer: async (name, asks) => {
      if (name === 'plcCode') {
        // The type of `asks` follows from the name.
        await (asks as Questions['plcCode']['asks']).send()
        return (await code()) as Questions[typeof name]['answer']
      }
      const answer = answers[name]
      if (!answer) throw new Error(`the owner is asked for ${name}`)
      return await answer()
    },
  }
}

const withEngine = async (move: Move): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-move-'))
  const owner = ownerOf(move)
  const deps = {
    fetch: globalThis.fetch,
    now: () => Date.now(),
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    signal: new AbortController().signal,
    directoryUrl: move.plcUrl,
    dev: true,
  }
  const { kind, url: origin, adminPassword } = move.source
  try {
    const { ok, missing, left } = await moveAccount({
      account: move.did,
      source:
        kind === 'cirrus'
          ? adminSource({
              admin: connect(origin, { admin: { password: adminPassword }, fetch: deps.fetch }),
              deps,
            })
          : passwordSource({ origin, identifier: move.handle, owner, deps }),
      target: standardTarget({ origin: move.target, owner, deps }),
      owner,
      store: await folderStore(folder, deps.now),
      deps,
      options: { handle: move.handle },
    })
    if (!ok || missing.length > 0) throw new Error(`the move left something behind: ${left.join('; ')}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const plainly = async (move: Move): Promise<void> => {
  const { handle, password, source, target } = move
  await moveLikeGoat({
    source: { url: source.url, identifier: handle, password },
    target: { url: target, handle, email: EMAIL, password: NEW_PASSWORD },
    plcToken: code,
  })
}

/** Both movers send by the global `fetch`. */
const putAway = (delayMs: number): void => {
  const { fetch } = globalThis
  globalThis.fetch = async (input, init) => {
    await sleep(delayMs)
    return fetch(input, init)
  }
}

const run = async (move: Move): Promise<void> => {
  countRequests()
  if (move.delayMs > 0) putAway(move.delayMs)
  const before = process.memoryUsage.rss()
  const start = performance.now()
  await (move.mover === 'engine' ? withEngine(move) : plainly(move))
  const ms = performance.now() - start
  say({ ms, ...counts, before, peak: process.resourceUsage().maxRSS * 1024 })
}

process.once('message', (move: Move) => {
  void run(move)
    .catch((cause: unknown) => say({ failed: cause instanceof Error ? String(cause.stack) : String(cause) }))
    .finally(() => process.disconnect?.())
})
