import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'

/** How a broken directory answers: after a delay, with a status, or not at all (`status: 0` closes the connection). */
export interface Outage {
  readonly status?: number
  readonly delayMs?: number
  /** Only requests that this returns true for are affected. By default all of them. */
  readonly only?: (method: string, path: string) => boolean
}

export interface PlcDirectory extends AsyncDisposable {
  readonly url: string
  /** The requests that it received, oldest first, as `POST /did:plc:…`. */
  readonly requests: readonly string[]
  /** Breaks it until `recover()`. */
  fail(outage: Outage): void
  recover(): void
  close(): Promise<void>
}

export interface PlcOptions {
  port?: number
  /** A file that keeps the operations, so that they are still there after a restart. */
  log?: string
}

/** Boots the real PLC directory on loopback, with its in-memory database. */
export async function startPlc(options: PlcOptions = {}): Promise<PlcDirectory> {
  const { MockDatabase, PlcServer } = await importQuietly()
  const db = new MockDatabase()
  // The in-memory database compares a list with itself where the real one locks the row, so it would accept two
  // operations that are sent at once. One operation at a time gives the answers of the real database.
  const add = db.validateAndAddOp.bind(db)
  let tail: Promise<unknown> = Promise.resolve()
  db.validateAndAddOp = (did, operation) => {
    const added = tail.then(() => add(did, operation))
    tail = added.catch(() => undefined)
    return added
  }
  const { log } = options
  if (log !== undefined) {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []
    for (const line of lines) {
      const { did, operation }: { did: string; operation: Parameters<typeof add>[1] } = JSON.parse(line)
      await add(did, operation)
    }
    const remembered = db.validateAndAddOp
    db.validateAndAddOp = async (did, operation) => {
      await remembered(did, operation)
      appendFileSync(log, `${JSON.stringify({ did, operation })}\n`)
    }
  }

  // Express hands its app out as a request listener; typed by hand because its types are not installed here.
  const app = PlcServer.create({ db, version: 'test' }).app as unknown as RequestListener
  const requests: string[] = []
  let outage: Outage | undefined

  const server = createServer((req, res) => {
    const { method = 'GET', url = '/' } = req
    requests.push(`${method} ${decodeURIComponent(url)}`)
    if (outage === undefined || outage.only?.(method, url) === false) return app(req, res)
    const { status, delayMs = 0 } = outage
    setTimeout(() => {
      if (status === undefined) return app(req, res)
      if (status === 0) return req.socket.destroy()
      res
        .writeHead(status, { 'content-type': 'application/json' })
        .end('{"message":"directory out of order"}')
    }, delayMs)
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the PLC directory has no port')

  const close = async () => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    // A name, because the reference PDS refuses to fetch from a literal address.
    url: `http://localhost:${address.port}`,
    requests,
    fail: (next) => {
      outage = next
    },
    recover: () => {
      outage = undefined
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Its loggers read LOG_ENABLED once, when they are loaded, and write to stdout, where `--json` reports go. */
async function importQuietly() {
  const { LOG_ENABLED } = process.env
  delete process.env['LOG_ENABLED']
  try {
    return await import('@did-plc/server')
  } finally {
    if (LOG_ENABLED !== undefined) process.env['LOG_ENABLED'] = LOG_ENABLED
  }
}
