import { inWords, type Asking } from './ask.ts'
import type { Case } from './cases.ts'
import { judge } from './judge.ts'
import type { Method } from './lexicon.ts'

/** The result of one case. */
export interface Finding {
  method: string
  case: string
  ok: boolean
  expected: string
  got: string
}

/** Sends a case's request, and those that it is compared with, and judges the answer. */
export async function runCase(
  ask: Asking,
  method: Method | undefined,
  id: string,
  test: Case,
): Promise<Finding> {
  const base = { method: id, case: test.name, expected: test.expected }
  try {
    const answer = await ask(id, test.ask)
    const besides = []
    for (const other of test.besides ?? []) besides.push(await ask(id, other))
    const problems = test.ask.verb === 'OPTIONS' ? [] : [...judge(answer, method, test.ask.verb !== 'HEAD')]
    const ok = test.accepts(answer, besides) && problems.length === 0
    return { ...base, ok, got: [inWords(answer), ...problems].join('; ') }
  } catch (cause) {
    return { ...base, ok: false, got: `no answer: ${cause instanceof Error ? cause.message : String(cause)}` }
  }
}
