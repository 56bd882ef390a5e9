import type { Finding, Progress } from '../../contract/types.ts'
import { count, type Output } from '../terminal/output.ts'
import type { Io } from '../terminal/io.ts'

/** Fewer requests say nothing about the speed. */
const MIN_REQUESTS = 20

const timeLeft = (ms: number): string => {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 90
    ? `about ${Math.max(5, Math.ceil(seconds / 5) * 5)} s left`
    : `about ${Math.ceil(seconds / 60)} min left`
}

/** Shows how far a run is: the part, the requests, what was found, the time that is left. */
export function showProgress(out: Output, io: Pick<Io, 'now'>) {
  const line = out.progress('Requests')
  const startedAt = io.now()
  let broken = 0
  let sent = 0
  let ended = false
  return {
    finding({ outcome }: Finding): void {
      if (outcome === 'broken') broken += 1
    },
    to({ area, step, steps, requests, left }: Progress): void {
      if (ended) return
      sent = requests
      const perRequest = (io.now() - startedAt) / Math.max(1, requests)
      const more = [
        step === 0 ? area : `${area}, part ${step} of ${steps}`,
        count(broken, 'finding'),
        ...(requests < MIN_REQUESTS ? [] : [timeLeft(left * perRequest)]),
      ]
      line.to(requests, requests + left, more.join('; '))
    },
    end(): void {
      if (ended) return
      ended = true
      line.to(sent, undefined, count(broken, 'finding'))
      line.end()
    },
  }
}
