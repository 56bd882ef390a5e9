/** A PLC directory in this process: it verifies what it takes, and can be told to fail. */
import { operationCid } from '../../../src/plc/cid.ts'
import { PlcError } from '../../../src/plc/errors.ts'
import { operationData, verifyLog } from '../../../src/plc/verifyLog.ts'
import { parseAuditLog, parseLoggedOperation } from '../../../src/plc/parse.ts'
import { formatDidDocument } from '../../../src/identity/didDocument.ts'
import type { LoggedOperation } from '../../../src/plc/types.ts'

interface Entry {
  did: string
  operation: LoggedOperation
  cid: string
  nullified: boolean
  createdAt: string
}

export class FakeDirectory {
  readonly url = 'https://plc.example.com'
  readonly logs = new Map<string, Entry[]>()
  readonly requests: string[] = []
  /** `down`: 503. `deaf`: takes operations and then fails to answer. `lying`: an answer that does not verify. */
  mode: 'up' | 'down' | 'deaf' | 'lying' = 'up'
  /** What the DID documents say is the account's key, if that is not what the logs say. */
  documentKey: string | undefined
  /** Runs before each answer. */
  before: (() => void | Promise<void>) | undefined
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  /** Takes an operation, or throws a `PlcError`. Anything may be sent to it. */
  async add(did: string, sent: object): Promise<string> {
    const operation = parseLoggedOperation(sent)
    const log = this.logs.get(did) ?? []
    const cid = await operationCid(operation)
    const entry = { did, operation, cid, nullified: false, createdAt: new Date(this.#now()).toISOString() }
    await verifyLog(did, parseAuditLog([...log, entry]))
    this.logs.set(did, [...log, entry])
    return cid
  }

  head(did: string): Entry {
    const entry = this.logs.get(did)?.at(-1)
    if (!entry) throw new Error(`${did} is not in the directory`)
    return entry
  }

  readonly fetch = async (input: string, init?: RequestInit): Promise<Response> => {
    const path = decodeURIComponent(new URL(input).pathname)
    this.requests.push(`${init?.method ?? 'GET'} ${path}`)
    await this.before?.()
    if (this.mode === 'down') return new Response('out of order', { status: 503 })
    const [, did = '', ...rest] = path.split('/')
    if (init?.method === 'POST') {
      try {
        await this.add(did, JSON.parse(String(init.body)))
      } catch (cause) {
        if (!(cause instanceof PlcError)) throw cause
        return Response.json({ message: cause.message }, { status: 400 })
      }
      return this.mode === 'deaf'
        ? new Response('lost', { status: 504 })
        : new Response(null, { status: 200 })
    }
    const log = this.logs.get(did)
    if (!log) return Response.json({ message: 'not registered' }, { status: 404 })
    if (this.mode === 'lying')
      return Response.json(log.map((entry) => ({ ...entry, cid: log[0]?.cid })).concat(log))
    if (rest.join('/') === 'log/audit') return Response.json(log)
    const data = operationData(this.head(did).operation)
    const key = this.documentKey
    const shown = data && (key === undefined ? data : { ...data, verificationMethods: { atproto: key } })
    return shown ? Response.json(formatDidDocument(did, shown)) : new Response(null, { status: 410 })
  }
}
