import type { Asking } from './ask.ts'

/** So many requests in a row without an answer may be one method that is broken. */
const MAX_SILENT = 10
/** A server that lets requests hang would keep a run for hours. */
const MAX_SILENT_MS = 10 * 60_000

/**
 * Asks, and notices when the server answers nothing at all any more: after some requests without an answer it asks for
 * what every PDS has. `onGone` is called if there is no answer to that either, and once the run has waited for answers that
 * did not come for ten minutes in all.
 */
export function watchSilence(ask: Asking, onGone: (reason: string) => void, now: () => number): Asking {
  let silent = 0
  let silentMs = 0
  return async (id, what) => {
    const asked = now()
    try {
      const answer = await ask(id, what)
      silent = 0
      return answer
    } catch (cause) {
      silent += 1
      silentMs += now() - asked
      if (silentMs > MAX_SILENT_MS)
        onGone(`the server let requests wait for ${Math.round(silentMs / 60_000)} minutes without an answer`)
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
