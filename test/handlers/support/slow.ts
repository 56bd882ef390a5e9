import type { World } from './world.ts'

/** A request whose body has stopped half way. */
export interface SlowRequest {
  answer: Promise<Response>
  /** Sends the rest. */
  finish(): void
}

/**
 * Sends a request, and returns when its credential was verified and its body is waited for: `sent` has arrived, and
 * `rest` has not.
 */
export const slowly = async (
  world: World,
  method: string,
  {
    token,
    type = 'application/json',
    sent,
    rest,
  }: {
    token?: string
    type?: string
    sent: string | Uint8Array
    rest: string | Uint8Array
  },
): Promise<SlowRequest> => {
  const bytes = (part: string | Uint8Array) =>
    typeof part === 'string' ? new TextEncoder().encode(part) : part
  let finish = (): void => {}
  const waiting = Promise.withResolvers<void>()
  let pulls = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (pulls++ === 0) return controller.enqueue(bytes(sent))
        finish = () => {
          controller.enqueue(bytes(rest))
          controller.close()
        }
        waiting.resolve()
        return new Promise(() => {})
      },
    },
    { highWaterMark: 0 },
  )
  const headers = {
    'content-type': type,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const answer = world.fetch(`/xrpc/${method}`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit)
  await Promise.race([waiting.promise, answer])
  return { answer, finish: () => finish() }
}

/** The JSON of an input, in two halves. */
export const halves = (input: unknown): { sent: string; rest: string } => {
  const text = JSON.stringify(input)
  return { sent: text.slice(0, 5), rest: text.slice(5) }
}

/** The status, and the name of the error. */
export const outcome = async (
  answer: Promise<Response> | Response,
): Promise<[number, string | undefined]> => {
  const response = await answer
  const { error }: { error?: string } = Object(await response.json().catch(() => ({})))
  return [response.status, error]
}
