import { Agent, request, type IncomingHttpHeaders } from 'node:http'

export interface Call {
  readonly params?: Readonly<Record<string, string>>
  readonly token?: string
  /** The `Authorization` header, instead of a token. */
  readonly authorization?: string
  /** The body of a POST: bytes are sent as they are, anything else as JSON. */
  readonly body?: Uint8Array | object
  readonly type?: string
  /** A procedure without input. */
  readonly post?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Milliseconds until the first byte of the body and until the last. */
  readonly first: number
  readonly total: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 32 })

/**
 * Calls an XRPC method, or a path that begins with a slash. Throws if it is refused. Uses node:http over
 * connections that are kept open: the client costs little, so that the figures are those of the server.
 */
export const call = (
  host: string,
  method: string,
  { params, token, authorization, body, type, post, headers: more }: Call = {},
): Promise<Answer> => {
  const path = method.startsWith('/') ? method : `/xrpc/${method}`
  const url = new URL(`${path}?${new URLSearchParams(params)}`, host)
  const bytes =
    body === undefined || body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body))
  const headers: Record<string, string | number> = { ...more }
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`
  if (authorization !== undefined) headers['authorization'] = authorization
  if (bytes) {
    headers['content-type'] = type ?? 'application/json'
    headers['content-length'] = bytes.length
  }
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const sent = request(url.href, { agent, headers, method: bytes || post ? 'POST' : 'GET' }, (answer) => {
      const chunks: Buffer[] = []
      let first: number | undefined
      answer.on('data', (chunk: Buffer) => {
        first ??= performance.now() - start
        chunks.push(chunk)
      })
      answer.on('error', reject)
      answer.on('end', () => {
        const total = performance.now() - start
        const whole = Buffer.concat(chunks)
        if (![200, 201, 206].includes(answer.statusCode ?? 0))
          return reject(
            new Error(`${method} on ${host}: ${answer.statusCode} ${whole.toString('utf8', 0, 500)}`),
          )
        resolve({ headers: answer.headers, body: whole, first: first ?? total, total })
      })
    })
    sent.on('error', reject)
    sent.end(bytes)
  })
}

/** The answer's JSON. */
export const json = (answer: Answer): Record<string, unknown> => {
  const value: unknown = JSON.parse(answer.body.toString('utf8'))
  if (typeof value !== 'object' || value === null) throw new Error('the answer is not an object')
  return { ...value }
}

/** Closes the open connections; otherwise the process would not exit. */
export const hangUp = (): void => agent.destroy()
