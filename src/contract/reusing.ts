import type { Answer, Ask, Asking } from './ask.ts'

/** Larger answers are not kept. */
const MAX_KEPT_BYTES = 1024 * 1024
/** What is kept in all: of more, the oldest are asked for again. Read, JSON takes several times as much. */
const MAX_ALL_BYTES = 32 * 1024 * 1024

/** Gives the answer of an earlier request to the same one that says it may be used again. */
export function reusing(ask: Asking): Asking {
  const answers = new Map<string, Promise<Answer>>()
  const sizes = new Map<string, number>()
  let total = 0
  const forget = (key: string): void => {
    total -= sizes.get(key) ?? 0
    sizes.delete(key)
    answers.delete(key)
  }
  const keep = (key: string, { bytes }: Answer): void => {
    if (bytes.length > MAX_KEPT_BYTES) return forget(key)
    sizes.set(key, bytes.length)
    total += bytes.length
    for (const oldest of sizes.keys()) {
      if (total <= MAX_ALL_BYTES) return
      forget(oldest)
    }
  }
  return (id, what) => {
    if (!what?.reuse) return ask(id, what)
    const { verb = 'GET', query = {}, headers = {}, body, path, take }: Ask = what
    const sent = typeof body === 'string' ? body : [...(body ?? [])]
    const key = JSON.stringify([id, verb, query, headers, sent, path, take !== undefined])
    const earlier = answers.get(key)
    if (earlier) return earlier
    const answer = ask(id, what)
    answers.set(key, answer)
    answer.then(
      (came) => keep(key, came),
      () => forget(key),
    )
    return answer
  }
}
