import { request } from 'node:http'

export interface Sent {
  verb: string
  path: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  /** Send the body without a content-length. */
  chunked?: boolean
}

export interface Compared {
  status: number
  /** The type of the body, without parameters. */
  type: string
  error: string | undefined
}

const errorOf = (text: string): string | undefined => {
  try {
    const name: unknown = Object(JSON.parse(text)).error
    return typeof name === 'string' ? name : undefined
  } catch {
    return undefined
  }
}

/** Sends a request as bytes: any verb with any body, also those that `fetch` would not send. */
export const send = (url: string, { verb, path, headers = {}, body, chunked }: Sent): Promise<Compared> =>
  new Promise((ready, failed) => {
    const length =
      body === undefined || chunked
        ? {}
        : { 'content-length': String(new TextEncoder().encode(String(body)).length) }
    const bytes = body instanceof Uint8Array && !chunked ? { 'content-length': String(body.byteLength) } : {}
    const sending = request(
      `${url}${path}`,
      { method: verb, headers: { ...length, ...bytes, ...headers }, agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', failed)
        answer.on('end', () => {
          const type = (answer.headers['content-type'] ?? '').split(';')[0] ?? ''
          const text = Buffer.concat(chunks).toString()
          const status = answer.statusCode ?? 0
          ready({ status, type, error: status >= 400 ? errorOf(text) : undefined })
        })
      },
    )
    // A server may answer and close the connection before it has read all of a body that it refuses.
    sending.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EPIPE' && cause.code !== 'ECONNRESET') failed(cause)
    })
    if (body !== undefined) sending.write(body)
    sending.end()
  })
