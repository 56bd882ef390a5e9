// A process of its own that moves the account of a fake world, so that its memory can be limited and measured.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  folderStore,
  moveAccount,
  type Owner,
  passwordSource,
  standardTarget,
} from '../../../src/mover/index.ts'

/** What to move. Every request goes to `gate`, with the origin that it is meant for as a header. */
export interface ToMove {
  readonly gate: string
  readonly handle: string
  readonly password: string
  readonly source: string
  readonly target: string
  readonly directory: string
  readonly newHandle: string
}

/** The most that was in use at a time, in bytes. */
export interface Peaks {
  readonly heapUsed: number
  /** Bytes of blobs and repositories. */
  readonly arrayBuffers: number
}

export type Told =
  | { readonly asks: 'code' }
  | { readonly failed: string }
  | { readonly peaks: Peaks; readonly records: number; readonly blobs: number }

const SAMPLE_MS = 50

const tell = (told: Told): void => void process.send?.(told)

const code = (): Promise<string> =>
  new Promise((resolve) => {
    process.once('message', (answer) => resolve(String(answer)))
    tell({ asks: 'code' })
  })

/** The collector is run before each look: what is left is in use, and not only waiting to be collected. */
const watch = () => {
  const peaks = { heapUsed: 0, arrayBuffers: 0 }
  const look = () => {
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    peaks.heapUsed = Math.max(peaks.heapUsed, heapUsed)
    peaks.arrayBuffers = Math.max(peaks.arrayBuffers, arrayBuffers)
  }
  const timer = setInterval(look, SAMPLE_MS)
  return () => {
    clearInterval(timer)
    look()
    return peaks
  }
}

const move = async ({
  gate,
  handle,
  password,
  source,
  target,
  directory,
  newHandle,
}: ToMove): Promise<void> => {
  const owner: Owner = {
    answer: async (name, asks) => {
      const answers: Record<string, unknown> = {
        sourcePassword: password,
        newPassword: 'the new password',
        email: 'alice@mail.example',
        handle: newHandle,
        rotationKey: 'notMine',
        confirm: true,
      }
      if (name === 'plcCode') {
        await Object(asks).send()
        answers[name] = await code()
      }
      if (!(name in answers)) throw new Error(`the owner is asked for ${name}`)
      return answers[name] as never
    },
  }
  const folder = await mkdtemp(join(tmpdir(), 'cirrus-move-'))
  const deps = {
    fetch: (input: string | URL | Request, init: RequestInit = {}) => {
      const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input)
      const headers = new Headers(init.headers)
      headers.set('x-origin', origin)
      return fetch(`${gate}${pathname}${search}`, { ...init, headers })
    },
    now: () => Date.now(),
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 100))),
    signal: new AbortController().signal,
    directoryUrl: directory,
    dev: false,
  }
  try {
    const stop = watch()
    const report = await moveAccount({
      account: handle,
      source: passwordSource({ origin: source, identifier: handle, owner, deps }),
      target: standardTarget({ origin: target, owner, deps }),
      owner,
      store: await folderStore(folder, deps.now),
      deps,
    })
    if (!report.ok || report.missing.length > 0) throw new Error(`left behind: ${report.left.join('; ')}`)
    tell({ peaks: stop(), records: report.records, blobs: report.blobs })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

process.once('message', (given: ToMove) => {
  void move(given)
    .catch((cause: unknown) => tell({ failed: cause instanceof Error ? String(cause.stack) : String(cause) }))
    .finally(() => process.disconnect?.())
})
