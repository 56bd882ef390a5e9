import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { asker } from '../../support/child.ts'
import { requireAppView } from '../../support/installed.ts'
import type { Booted, Question } from './protocol.ts'

/** The real AppView (@atproto/bsky), with its own Postgres, in a process of its own. */
export interface AppView extends AsyncDisposable {
  readonly url: string
  /** A did:plc with the services `#bsky_appview` and `#bsky_notif`. */
  readonly did: string
  readonly pid: number
  readonly postgresPid: number
  /** Its database, and nothing else. Gone after close(). */
  readonly directory: string
  /** Subscribes to this PDS too, from its first event. */
  follow(pds: { readonly url: string }): Promise<void>
  /** Stops indexing: what is written from now on is not seen until resume(). */
  pause(): Promise<void>
  /** Indexes again, from the first event of each PDS. */
  resume(): Promise<void>
  /** Resolves once everything that these repositories hold at their PDS now is indexed. */
  settle(...repos: { readonly pdsUrl: string; readonly did: string }[]): Promise<void>
  close(): Promise<void>
}

/** Boots an AppView that follows nobody yet: a PDS needs its address, and then it follows the PDS. */
export async function startAppView({ plcUrl }: { plcUrl: string }): Promise<AppView> {
  requireAppView()
  const directory = await mkdtemp(join(tmpdir(), 'appview-'))
  const log = process.env['INTEROP_LOG']
  const { NODE_OPTIONS: _, LOG_ENABLED: __, LOG_DESTINATION: ___, ...env } = process.env
  const child = fork(join(import.meta.dirname, 'appview-process.ts'), [], {
    execArgv: ['--disable-warning=DeprecationWarning'],
    env: {
      ...env,
      NODE_ENV: 'test',
      ...(log ? { LOG_ENABLED: 'true', LOG_DESTINATION: log } : { LOG_ENABLED: 'false' }),
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ask = asker<Question>(child, 'the AppView')
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await ask({ ask: 'stop' }).catch(() => undefined)
      if (child.connected) child.disconnect()
      await gone
      clearTimeout(timer)
    }
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const { url, did, postgresPid } = await ask<Booted>({ ask: 'boot', plcUrl, directory })
    return {
      url,
      did,
      pid: child.pid ?? 0,
      postgresPid,
      directory,
      follow: async ({ url: pdsUrl }) => {
        await ask({ ask: 'follow', pdsUrl })
      },
      pause: async () => {
        await ask({ ask: 'pause' })
      },
      resume: async () => {
        await ask({ ask: 'resume' })
      },
      settle: async (...repos) => {
        const revs = await Promise.all(
          repos.map(async ({ pdsUrl, did: of }) => [of, await latestRev(pdsUrl, of)] as const),
        )
        await ask({ ask: 'settle', revs: Object.fromEntries(revs) })
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}

const latestRev = async (pdsUrl: string, did: string): Promise<string> => {
  const answer = await fetch(`${pdsUrl}/xrpc/com.atproto.sync.getLatestCommit?did=${did}`)
  const commit: unknown = await answer.json()
  if (typeof commit === 'object' && commit !== null && 'rev' in commit) return String(commit.rev)
  throw new Error(`${pdsUrl} does not have ${did}: ${answer.status}`)
}
