import { STEPS } from '../../mover/steps/index.ts'
import type { MoveEvent, TransferProgress } from '../../mover/moveEvent.ts'
import type { StepName } from '../../mover/stepName.ts'
import type { Context } from '../command.ts'
import { CATALOGUE } from '../catalogue.ts'
import type { Code } from '../errors.ts'
import { MOVER_ERRORS } from '../../mover/moverError.ts'
import { bytes, type Progress } from '../terminal/output.ts'

const titleOf = (step: StepName): string => STEPS.find(({ name }) => name === step)?.title ?? 'Account'

const isCode = (code: string): code is Code => code in CATALOGUE || code in MOVER_ERRORS

const duration = (seconds: number): string =>
  seconds < 90
    ? `${seconds} s`
    : seconds < 5400
      ? `${Math.round(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`

/** What a transfer shows beside its count: the amount where blobs are counted, the rate, the time left. */
const rateText = ({ bytes: done, count, bytesPerSecond, secondsLeft }: TransferProgress): string =>
  [
    ...(count !== undefined && done > 0 ? [bytes(done)] : []),
    ...(bytesPerSecond ? [`${bytes(bytesPerSecond)}/s`] : []),
    ...(secondsLeft === undefined ? [] : [`${duration(secondsLeft)} left`]),
  ].join(', ')

const MARKS = { kept: ' ', added: '+', dropped: '-', warning: '!' } as const
const STYLES = { kept: 'dim', added: 'green', dropped: 'red', warning: 'yellow' } as const

/**
 * Shows what happens as it happens. With `--json`, `lines` prints every event as a line of its own; without `lines` only
 * the result is printed.
 */
export function createShowEvents(
  { out }: Pick<Context, 'out'>,
  { lines }: { lines: boolean },
): (event: MoveEvent) => void {
  const markOf = (state: 'done' | 'already' | 'open') =>
    state === 'open' ? out.paint('yellow', '!') : out.paint('green', '✓')
  let open: { step: StepName; progress: Progress } | undefined
  const close = () => {
    open?.progress.end()
    open = undefined
  }
  const showProgress = (step: StepName, progress: TransferProgress) => {
    const { bytes: done, totalBytes, count, totalCount } = progress
    if (open?.step !== step) {
      close()
      const unit = count === undefined ? bytes : undefined
      open = { step, progress: out.progress(titleOf(step), unit) }
    }
    if (count === undefined) open.progress.to(done, totalBytes, rateText(progress))
    else open.progress.to(count, totalCount, rateText(progress))
  }
  return (event) => {
    if (out.json) {
      if (lines) out.line(event, '')
      else if (event.type === 'warning') out.warn(event.text, isCode(event.code) ? event.code : undefined)
      return
    }
    if (event.type === 'progress') return showProgress(event.step, event.progress)
    close()
    switch (event.type) {
      case 'step':
        if (event.state !== 'begun' && event.step !== 'who' && event.step !== 'confirm')
          out.note(`${markOf(event.state)} ${titleOf(event.step).padEnd(12)} ${event.text}`)
        else if (event.step === 'who' && event.state !== 'begun')
          out.note(`${out.paint('green', '✓')} ${'Who'.padEnd(12)} ${event.text}`)
        break
      case 'preview':
        out.note(`    ${out.paint(STYLES[event.kind], `${MARKS[event.kind]} ${event.text}`)}`)
        break
      case 'note':
        out.note(`    ${event.text}`)
        break
      case 'warning':
        out.warn(event.text, isCode(event.code) ? event.code : undefined)
        break
      case 'asked':
      case 'report':
        break
    }
  }
}
