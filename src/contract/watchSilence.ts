import { NoAnswer, type Asking } from './ask.ts'
import { AnswerTooLong } from './readBody.ts'

/** So many requests in a row without an answer may be one method that is broken. */
const MAX_SILENT = 10
/** A server that lets requests hang would keep a run for hours. */
const MAX_SILENT_MS = 10 * 60_000
/** One that sends bodies without an end would have it read gigabytes. */
const MAX_TOO_LONG = 50
/** A limit on one method answers so for a while; one on all methods leaves nothing to judge. */
const MAX_LIMITED = 50

/**
 * Asks, and notices when going on is of no use: the server answers nothing at all any more (after some requests without an
 * answer it is asked for what every PDS has), the run has waited ten minutes in all for answers that did not come, the
 * server sends one endless body after the other, or it only says that there were too many requests. Then `onGone` is called.
 */
export function watchSilence(ask: Asking, onGone: (reason: string) => void, now: () => number): Asking {
  let silent = 0
  let silentMs = 0
  let tooLong = 0
  let limited = 0
  return async (id, what) => {
    const asked = now()
    try {
      const answer = await ask(id, what)
      silent = 0
      limited = answer.status === 429 ? limited + 1 : 0
      if (limited === MAX_LIMITED)
        onGone(
          `the server answers 429, too many requests, to everything: try again later, with a lower --rate, or where its limits are higher`,
        )
      return answer
    } catch (cause) {
      silent += 1
      silentMs += now() - asked
      if (cause instanceof NoAnswer && cause.cause instanceof AnswerTooLong && ++tooLong === MAX_TOO_LONG)
        onGone(`the server sends too much: ${MAX_TOO_LONG} times ${cause.cause.message}`)
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
