import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { AtpAgent } from '@atproto/api'

import { asker } from './child.ts'
import type { Boot, Mail, Memory, Question } from './reference-protocol.ts'

const here = import.meta.dirname
const modules = join(here, '..', 'node_modules')

export interface ReferenceOptions {
  /** The directory it uses, as given by startPlc(). */
  readonly plcUrl: string
  readonly port?: number
  /** Options of the reference's own `ServerEnvironment`, over ours: `{ recoveryDidKey, maxImportSize, … }`. */
  readonly env?: Readonly<Record<string, unknown>>
  /** Origins that are asked elsewhere, as `{ 'https://app.example.org': 'http://localhost:1234' }`. */
  readonly hosts?: Readonly<Record<string, string>>
  /** Append its log to this file (default: $INTEROP_LOG; without it, silent). Shows what is behind a 500. */
  readonly logFile?: string
}

/** An account made by `createAccount`, with an agent that is signed in. */
export interface ReferenceAccount {
  readonly did: string
  readonly handle: string
  readonly email: string
  readonly password: string
  readonly agent: AtpAgent
}

export interface Reference extends AsyncDisposable {
  readonly url: string
  /** Its service DID, did:web:localhost%3A<port>. */
  readonly did: string
  readonly adminPassword: string
  /** Its data: `blobs/`, `actors/`, the SQLite files. Gone after close(). */
  readonly directory: string
  readonly pid: number
  /** A new account with a new did:plc whose PDS this is. */
  createAccount(account: { handle: string; email?: string; password?: string }): Promise<ReferenceAccount>
  /** The token that it would have sent by e-mail after requestPlcOperationSignature. */
  plcToken(did: string): Promise<string>
  /** Every mail that it would have sent, oldest first. */
  mails(): Promise<readonly Mail[]>
  /** What a handle of another server resolves to, for it; `''`: to nothing. */
  setHandle(handle: string, did: string): Promise<void>
  memory(): Promise<Memory>
  /** Moves its clock; 0 puts it right again. */
  shiftClock(ms: number): Promise<void>
  /** Stops it and starts it again, with the same data, keys and address. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Boots the real reference PDS on loopback, in a process of its own, so that its memory can be measured. */
export async function startReference(options: ReferenceOptions): Promise<Reference> {
  const node = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (!existsSync(node)) throw new Error('the reference PDS is not installed: npm run interop:install')
  const directory = await mkdtemp(join(tmpdir(), 'reference-pds-'))
  const logFile = options.logFile ?? process.env['INTEROP_LOG']
  const { LOG_ENABLED: _, LOG_DESTINATION: __, NODE_OPTIONS: ___, ...env } = process.env
  const child = fork(join(here, 'reference-process.ts'), [], {
    execPath: node,
    // It sets timers for times that are past.
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    env: logFile ? { ...env, LOG_ENABLED: 'true', LOG_DESTINATION: logFile } : env,
    // Its stdout is not ours: a test that reads ours as JSON must not meet it.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ask = asker<Question>(child, 'the reference PDS')

  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ask<null>({ ask: 'stop' }).catch(() => undefined)
      if (child.connected) child.disconnect()
      await gone
      clearTimeout(timer)
    }
    await rm(directory, { recursive: true, force: true })
  }

  try {
    const { plcUrl, port, env: settings, hosts } = options
    const boot: Boot = { plcUrl, directory, port, env: settings, hosts }
    const { url, did } = await ask<{ url: string; did: string }>({ ask: 'boot', ...boot })
    return {
      url,
      did,
      directory,
      adminPassword: 'admin',
      pid: child.pid ?? 0,
      createAccount: async ({
        handle,
        email = `${handle.replaceAll('.', '-')}@example.com`,
        password = 'hunter22',
      }) => {
        const agent = new AtpAgent({ service: url })
        const { data } = await agent.createAccount({ handle, email, password })
        return { did: data.did, handle, email, password, agent }
      },
      plcToken: async (account) => {
        const token = await ask<string | null>({ ask: 'plcToken', did: account })
        if (token === null) throw new Error(`nobody called requestPlcOperationSignature for ${account}`)
        return token
      },
      mails: () => ask<readonly Mail[]>({ ask: 'mails' }),
      setHandle: async (handle, account) => {
        await ask<null>({ ask: 'setHandle', handle, did: account })
      },
      memory: () => ask<Memory>({ ask: 'memory' }),
      shiftClock: async (ms) => {
        await ask<null>({ ask: 'shiftClock', ms })
      },
      restart: async () => {
        await ask<null>({ ask: 'restart' })
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (cause) {
    await close()
    throw cause
  }
}
