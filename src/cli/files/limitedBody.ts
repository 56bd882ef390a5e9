import type { CliError } from '../errors.ts'

/**
 * Passes a body on, at most `maxBytes` of it. If there is more, the rest is not read, and it throws. A server may have
 * named `maxBytes`: what is not a number lets nothing through.
 */
export async function* limitedBody(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => CliError,
): AsyncGenerator<Uint8Array> {
  let left = maxBytes
  for await (const chunk of body) {
    left -= chunk.byteLength
    if (!(left >= 0)) throw tooLarge()
    yield chunk
  }
}
