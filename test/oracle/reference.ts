import { createServer as createHttpServer } from 'node:http'
import { Readable } from 'node:stream'
import { createServer } from '@atproto/xrpc-server'
import type { Method } from '../../src/contract/lexicon/lexiconSet.ts'
import { lexicons, methods } from '../contract/lexicon.ts'
import { listen, type Served } from '../contract/serve.ts'
import { stubOutput } from '../contract/stubHandlers.ts'

interface BinaryOutput {
  encoding: string
  body: ReadableStream<Uint8Array>
}

const isBinary = (output: unknown): output is BinaryOutput => Object(output).body instanceof ReadableStream

async function drain(input: unknown): Promise<void> {
  const body: unknown = Object(input).body
  if (!(body instanceof Readable)) return
  for await (const _ of body) void _
}

function output(method: Method): { encoding: string; body: unknown } | undefined {
  const value = stubOutput(method, { limit: 1 })
  if (value === undefined) return undefined
  // Node's own stream type is not the DOM's, though it is the same object at run time.
  if (isBinary(value)) return { encoding: value.encoding, body: Readable.fromWeb(value.body as never) }
  return { encoding: method.output?.encoding ?? 'application/json', body: value }
}

export const LIMIT = 100_000

/** Serves the same lexicons and the same stub handlers with @atproto/xrpc-server; its answers are the right ones. */
export function serveReference(): Promise<Served> {
  const server = createServer([...lexicons], {
    payload: { jsonLimit: LIMIT, textLimit: LIMIT, blobLimit: LIMIT },
  })
  for (const method of methods)
    server.method(method.id, async ({ input }: { input?: unknown }) => {
      await drain(input)
      // The library's output type is that of one method; these are all of them.
      return output(method) as never
    })
  return listen(createHttpServer(server.router))
}
