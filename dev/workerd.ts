import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type Request as MiniflareRequest,
  Response as MiniflareResponse,
} from 'miniflare'
import type { Bundle } from './bundle.ts'

export interface WorkerdOptions {
  readonly bundle: Bundle
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  /** The folder of SQLite files and blobs. */
  readonly state: string
  readonly onLog: (line: string) => void
  /** The size of the JavaScript heap, in megabytes, beyond which it crashes. By default as much as there is. */
  readonly maxHeapMb?: number | undefined
  readonly network?: Network | undefined
}

/** What the Worker's requests to other servers get, in place of the network. */
export type Network = (request: Request) => Promise<Response>

/** One workerd that miniflare runs, and its process: how much memory it uses, and how it is stopped. */
export interface Workerd {
  readonly pid: number
  /** Whether the process has ended, by a crash too: Miniflare starts another one for it. */
  readonly hasEnded: boolean
  /** Stops the process and waits until it has exited. SIGKILL leaves it no time to clean up. */
  stop(signal?: 'SIGKILL'): Promise<void>
}

let last: Promise<unknown> = Promise.resolve()

/** Starts the Worker and resolves once it answers. Starts are queued, because a child process is known only by when it was started. */
export const startWorkerd = (options: WorkerdOptions): Promise<Workerd> => {
  const started = last.then(() => start(options))
  last = started.catch(() => undefined)
  return started
}

const start = async (options: WorkerdOptions): Promise<Workerd> => {
  const { bundle, port, env, state, onLog, network } = options
  const births = watchBirths()
  const restoreSignals = keepSignals()
  const restoreFlags = setV8Flags(options.maxHeapMb)
  let server: Miniflare | undefined
  try {
    server = new Miniflare(
      convertV4MiniflareOptions({
        name: 'cirrus',
        host: '127.0.0.1',
        port,
        log: new Log(LogLevel.NONE),
        handleStructuredLogs: ({ message }) => onLog(message),
        handleUncaughtError: (cause) => onLog(cause.stack ?? cause.message),
        telemetry: { enabled: false },
        cf: false,
        resourcePersistencePath: state,
        modules: [{ type: 'ESModule', path: 'worker.js', contents: bundle.code }],
        compatibilityDate: bundle.compatibilityDate,
        bindings: { ...env },
        durableObjects: {
          ACCOUNT: { className: 'AccountObject', useSQLite: true },
          PASSWORDS: { className: 'PasswordObject', useSQLite: true },
        },
        r2Buckets: { BLOBS: 'blobs' },
        ...(network && { outboundService: outboundService(network) }),
      }),
    )
    restoreSignals()
    await server.ready
  } catch (cause) {
    await server?.dispose()
    throw cause
  } finally {
    restoreFlags()
    births.stop()
  }
  const running = server
  const child = births.born.findLast(({ spawnfile }) => spawnfile.includes('workerd'))
  const pid = child?.pid
  if (!child || pid === undefined) throw new Error('miniflare started no workerd')
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid,
    get hasEnded() {
      return hasEnded()
    },
    stop: async (signal) => {
      if (signal && !hasEnded()) {
        const gone = once(child, 'exit')
        child.kill(signal)
        // Done before miniflare notices the exit: it would start a new workerd in place of one that crashed.
        const disposed = running.dispose()
        await gone
        await disposed
      } else await running.dispose()
    },
  }
}

/** Headers that are of one connection, or that the next one works out itself. */
const OF_THE_CONNECTION = /^(connection|content-encoding|content-length|host|keep-alive|transfer-encoding)$/

const forwarded = (headers: Iterable<[string, string]>): [string, string][] =>
  [...headers].filter(([name]) => !OF_THE_CONNECTION.test(name))

/** miniflare has classes of its own for requests and answers, which Node's `fetch` does not take. */
const outboundService = (network: Network) => async (request: MiniflareRequest) => {
  const { url, method } = request
  const body = method === 'GET' || method === 'HEAD' ? null : await request.arrayBuffer()
  const answer = await network(new Request(url, { method, headers: forwarded(request.headers), body }))
  return new MiniflareResponse(await answer.arrayBuffer(), {
    status: answer.status,
    headers: forwarded(answer.headers),
  })
}

/** miniflare does not expose its child process; Node reports each one that is created. */
const watchBirths = () => {
  const born: ChildProcess[] = []
  // The channel's message is `{ process }`, by Node's documentation.
  const note = (message: unknown) => born.push((message as { process: ChildProcess }).process)
  subscribe('child_process', note)
  return { born, stop: () => unsubscribe('child_process', note) }
}

/**
 * On a signal, miniflare ends the whole process at once. A program with a listener of its own wants to clean up first.
 * Gives a function that removes miniflare's listeners again where there were others before.
 */
const keepSignals = () => {
  const signals = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => ({
    name,
    own: process.listeners(name),
  }))
  return () => {
    for (const { name, own } of signals)
      if (own.length > 0)
        for (const listener of process.listeners(name))
          if (!own.includes(listener)) process.removeListener(name, listener)
  }
}

/** Miniflare takes V8's flags from the environment when it starts workerd. Returns a function that puts back what was there. */
const setV8Flags = (maxHeapMb: number | undefined) => {
  const name = 'MINIFLARE_WORKERD_V8_FLAGS'
  const before = process.env[name]
  if (maxHeapMb !== undefined) process.env[name] = `--max-heap-size=${maxHeapMb}`
  return () => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  }
}
