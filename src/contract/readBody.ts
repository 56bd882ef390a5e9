import { joinBytes } from '../streams/joinBytes.ts'

/**
 * What is read of an answer that is kept in memory: far more than a page of a hundred records. What may be larger, exports
 * and blobs, is taken as it comes.
 */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** An answer of more bytes than any question of the suite has. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong'
  constructor() {
    super(`the answer is longer than ${MAX_ANSWER_BYTES / 2 ** 20} MiB, and was not read to its end`)
  }
}

/** Reads a body, up to `MAX_ANSWER_BYTES`. */
export async function readBody(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    chunks.push(next.value)
    length += next.value.length
    if (length <= MAX_ANSWER_BYTES) continue
    await reader?.cancel()
    throw new AnswerTooLong()
  }
  return joinBytes(chunks)
}

/** Gives a body to `take`, and reads no more of it than `take` does. The number of bytes that were read. */
export async function giveBody(
  response: Response,
  take: (body: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<number> {
  let length = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader()
    try {
      for (;;) {
        const next = await reader?.read()
        if (!next || next.done) return
        length += next.value.length
        yield next.value
      }
    } finally {
      // What was read to its end cannot be cancelled, and need not be.
      await reader?.cancel().catch(() => {})
    }
  }
  await take(chunks())
  return length
}
