import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey } from '../src/crypto/privateKey.ts'
import { hashPassword } from '../src/crypto/password.ts'
import { Secret } from '../src/crypto/secret.ts'
import { bundleWorker, type BundleOptions } from './bundle.ts'
import { freePort } from './port.ts'
import { readMemory, type Memory } from './memory.ts'
import { type Network, startWorkerd, type Workerd } from './workerd.ts'

export interface CirrusOptions {
  readonly plcUrl: string
  readonly handle: string
  /** By default the did:web of the server itself. For a did:plc see account.ts. */
  readonly did?: string
  readonly port?: number
  /** k256 private keys in hex. The rotation key is the signing key unless it is given. */
  readonly signingKey?: string
  readonly rotationKey?: string
  /** The owner's, as did:key. */
  readonly recoveryKeys?: readonly string[]
  readonly password?: string
  readonly adminPassword?: string
  /** The folder that keeps the state after `close()`. By default a temporary one, which `close()` removes. */
  readonly persist?: string
  /** Overrides every other variable and secret of the Worker. */
  readonly env?: Readonly<Record<string, string>>
  readonly bundle?: BundleOptions
  /** The JavaScript heap that workerd may have, in megabytes; see workerd.ts. */
  readonly maxHeapMb?: number
  /** Answers what the Worker asks of other servers, the PLC directory among them. By default the network does. */
  readonly network?: Network
  /** What the Worker writes to its console. By default to the file `$CIRRUS_LOG`, if set, and to `log`. */
  readonly onLog?: (line: string) => void
}

/**
 * A whole Cirrus on loopback: the real Worker in workerd, with its object's SQLite and its bucket on disk. For `npm
 * run dev`, the demo, the benchmarks and the tests that need a server to talk to.
 */
export interface Cirrus extends AsyncDisposable {
  /** `http://localhost:<port>` */
  readonly url: string
  readonly port: number
  readonly did: string
  /** Its service DID, `did:web:localhost%3A<port>`. */
  readonly serviceDid: string
  readonly handle: string
  readonly password: string
  readonly adminPassword: string
  readonly signingKey: string
  /** What the Worker has written to its console, oldest first. */
  readonly log: readonly string[]
  /** The process of workerd; `restart()` starts another one. */
  readonly pid: number
  /** Whether that process has ended. */
  readonly hasEnded: boolean
  memory(): Promise<Memory>
  /** Kills the process with SIGKILL, like a crash. The server stays down until `restart()`. */
  kill(): Promise<void>
  /** Starts a new process with the same state, address and secrets. `env` changes the configuration from now on. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** Stops the server, and removes the state unless it was meant to be kept. */
  close(): Promise<void>
}

const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

/** Starts a Cirrus. Its account is empty: see `activate()` in account.ts. */
export const startCirrus = async (options: CirrusOptions): Promise<Cirrus> => {
  const port = options.port ?? (await freePort())
  const did = options.did ?? `did:web:localhost%3A${port}`
  const password = options.password ?? randomBytes(9).toString('base64url')
  const adminPassword = options.adminPassword ?? randomBytes(18).toString('base64url')
  const signingKey = options.signingKey ?? (await generateKey(random)).reveal()
  const state = options.persist ?? (await mkdtemp(join(tmpdir(), 'cirrus-')))
  const log: string[] = []

  let env: Record<string, string> = {
    DID: did,
    HANDLE: options.handle,
    HOSTNAME: `localhost:${port}`,
    PLC_DIRECTORY_URL: options.plcUrl,
    RECOVERY_KEYS: (options.recoveryKeys ?? []).join(','),
    DEV: 'true',
    SIGNING_KEY: signingKey,
    ...(options.rotationKey === undefined ? {} : { ROTATION_KEY: options.rotationKey }),
    ADMIN_PASSWORD: adminPassword,
    PASSWORD_HASH: await hashPassword(new Secret(password), random(16)),
    SESSION_SECRET: randomBytes(32).toString('hex'),
    ...options.env,
  }
  const logFile = process.env['CIRRUS_LOG']
  const onLog = (line: string) => {
    log.push(line)
    options.onLog?.(line)
    if (logFile) appendFileSync(logFile, `${port} ${line}\n`)
  }
  const start = async (): Promise<Workerd> =>
    startWorkerd({
      bundle: await bundleWorker(options.bundle),
      port,
      env,
      state,
      onLog,
      maxHeapMb: options.maxHeapMb,
      network: options.network,
    })

  let running: Workerd | undefined = await start()
  const stop = async (signal?: 'SIGKILL') => {
    const stopping = running
    running = undefined
    await stopping?.stop(signal)
  }
  const close = async () => {
    await stop()
    if (options.persist === undefined) await rm(state, { recursive: true, force: true })
  }
  return {
    url: `http://localhost:${port}`,
    port,
    did,
    serviceDid: `did:web:localhost%3A${port}`,
    handle: options.handle,
    password,
    adminPassword,
    signingKey,
    log,
    get pid() {
      if (!running) throw new Error('this Cirrus is not running')
      return running.pid
    },
    get hasEnded() {
      return running?.hasEnded ?? true
    },
    memory: async () => {
      if (!running) throw new Error('this Cirrus is not running')
      return await readMemory(running.pid)
    },
    kill: () => stop('SIGKILL'),
    restart: async (changes = {}) => {
      await stop()
      env = { ...env, ...changes }
      running = await start()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
