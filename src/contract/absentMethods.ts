import type { Asking } from './ask.ts'
import type { Method } from './lexicon/lexiconSet.ts'

/** Which of these methods the server does not have: what is not there is 404 or 501. */
export async function absentMethods(
  ask: Asking,
  methods: readonly Method[],
  signal: AbortSignal,
): Promise<string[]> {
  const absent: string[] = []
  for (const { id, kind } of methods) {
    const answer = await ask(id, { verb: kind === 'query' ? 'GET' : 'POST' }).catch(() => undefined)
    signal.throwIfAborted()
    if (answer?.status === 404 || answer?.status === 501) absent.push(id)
  }
  return absent
}
