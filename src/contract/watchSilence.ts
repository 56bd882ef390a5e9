import type { Asking } from './ask.ts'

/** So many requests in a row without an answer may be one method that is broken. */
const MAX_SILENT = 10

/**
 * Asks, and notices when the server answers nothing at all any more: after some requests without an answer it asks for
 * what every PDS has. `onGone` is called if there is no answer to that either.
 */
export function watchSilence(ask: Asking, onGone: (reason: string) => void): Asking {
  let silent = 0
  return async (id, what) => {
    try {
      const answer = await ask(id, what)
      silent = 0
      return answer
    } catch (cause) {
      silent += 1
      if (silent >= MAX_SILENT) {
        silent = 0
        await ask('com.atproto.server.describeServer').catch(() =>
          onGone(
            `the server answers nothing any more: ${cause instanceof Error ? cause.message : String(cause)}`,
          ),
        )
      }
      throw cause
    }
  }
}
