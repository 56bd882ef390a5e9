import type { Answer, Ask, Asking } from './ask.ts'

/** Larger answers are not kept. */
const MAX_KEPT_BYTES = 1024 * 1024

/** Gives the answer of an earlier request to the same one that says it may be used again. */
export function reusing(ask: Asking): Asking {
  const answers = new Map<string, Promise<Answer>>()
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
      ({ bytes }) => bytes.length > MAX_KEPT_BYTES && answers.delete(key),
      () => answers.delete(key),
    )
    return answer
  }
}
