import { NoAnswer, type Asking } from './ask.ts'
import type { Exchange } from './exchange.ts'
import { NoCode } from './codeRequest.ts'
import type { Sink } from './sink.ts'
import { Unclear, type Place, type Problem, type Rule, type Run } from './types.ts'

export interface JudgingDeps {
  readonly ask: Asking
  readonly sink: Sink
  /** Whether it is asked for. */
  applies(rule: Rule, place: Place): boolean
  /** Replaces secrets. */
  redact(text: string): string
  /** Throws once the run has ended early: what fails then is not the server's fault. */
  stopIfAborted(): void
}

/** An answer that says nothing of what was asked. It neither keeps nor breaks a rule, whatever follows from it. */
const LIMITED = 'the server limits the rate of requests (429)'

/** Says what becomes of expectations. */
export function createJudging(deps: JudgingDeps): Pick<Run, 'expect' | 'judge' | 'unclear'> {
  const { ask, sink, applies, redact, stopIfAborted } = deps
  const add = (rule: Rule, place: Place, problem: Problem, exchanges: Exchange[]) => {
    if (exchanges.some(({ status }) => status === 429))
      sink.add(rule, place, 'unclear', LIMITED, exchanges, LIMITED)
    else if (problem === undefined) sink.add(rule, place, 'kept', 'as expected', exchanges)
    else sink.add(rule, place, 'broken', redact(problem), exchanges)
  }
  return {
    judge(rule, place, problem, answers) {
      if (!applies(rule, place)) return
      const exchanges = answers.map(({ exchange }) => exchange)
      add(rule, place, problem, exchanges)
    },
    unclear(rule, place, reason) {
      if (applies(rule, place)) sink.add(rule, place, 'unclear', redact(reason), [], redact(reason))
    },
    async expect(rule, place, check) {
      if (!applies(rule, place)) return
      const exchanges: Exchange[] = []
      const recording: Asking = async (id, what) => {
        try {
          const answer = await ask(id, what)
          exchanges.push(answer.exchange)
          return answer
        } catch (cause) {
          if (cause instanceof NoAnswer) exchanges.push(cause.exchange)
          throw cause
        }
      }
      try {
        add(rule, place, await check(recording), exchanges)
      } catch (cause) {
        stopIfAborted()
        if (cause instanceof NoCode) throw cause
        const message = redact(cause instanceof Error ? cause.message : String(cause))
        if (cause instanceof Unclear) sink.add(rule, place, 'unclear', message, exchanges, message)
        else add(rule, place, message, exchanges)
      }
    },
  }
}
