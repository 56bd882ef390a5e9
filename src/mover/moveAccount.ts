import type { Move, Outcome, Step } from './move.ts'
import { closeMove } from './closeMove.ts'
import { MoverError } from './moverError.ts'
import { findWho, type Known, openMove } from './openMove.ts'
import { STEPS } from './steps/index.ts'
import { finishedReport, makeReport } from './report.ts'
import type { MoveEvent, MoveReport } from './moveEvent.ts'
import type { MoveRequest } from './moveRequest.ts'
import type { Owner } from './owner.ts'
import { STEP_NAMES, type StepName } from './stepName.ts'

/** The last step of a rehearsal: all that can be undone without a trace in the directory. */
const REHEARSED: StepName = 'preview'

/** Whether everything was done by an earlier run, and nobody has to be asked for anything. */
const isFinished = async ({ who, target, rotated, journal }: Known): Promise<boolean> => {
  if (!rotated || journal.state.open.size > 0 || (await target.state(who.did)) !== 'active') return false
  return target.isComplete ? await target.isComplete() : journal.state.done.has('report')
}

/** Goes through a step: asks whether it is done, journals, does it, journals. */
async function runStep(step: Step, move: Move): Promise<Outcome> {
  const { journal, emit } = move
  const { name } = step
  move.deps.signal.throwIfAborted()
  emit({ type: 'step', step: name, state: 'begun' })
  const text = await step.isDone(move)
  if (text !== undefined) {
    if (!journal.state.done.has(name))
      await journal.append({ type: 'step', step: name, state: 'already', text })
    emit({ type: 'step', step: name, state: 'already', text })
    return { state: 'already', text }
  }
  await journal.append({ type: 'step', step: name, state: 'begun' })
  try {
    const outcome = await step.run(move)
    await journal.append({ type: 'step', step: name, ...outcome })
    emit({ type: 'step', step: name, ...outcome })
    return outcome
  } catch (cause) {
    const code = cause instanceof MoverError ? cause.code : 'internal'
    // Another mover may have the journal now: what failed here is what counts.
    await journal.append({ type: 'step', step: name, state: 'failed', text: code }).catch(() => {})
    throw cause
  }
}

/** Goes through the steps up to the last one that is wanted. */
async function runSteps(
  move: Move,
  last: StepName,
  begin: (step: StepName) => void,
): Promise<{ reached: StepName; changed: boolean }> {
  let reached: StepName = 'who'
  let changed = false
  for (const step of STEPS) {
    if (STEP_NAMES.indexOf(step.name) > STEP_NAMES.indexOf(last)) break
    begin(step.name)
    const { state } = await runStep(step, move)
    changed ||= state === 'done'
    reached = step.name
  }
  return { reached, changed }
}

/** The journal stays; what was only needed to copy goes. */
const finish = async ({ journal, store, source, facts }: Move): Promise<void> => {
  const missing = facts.missing.length
  // Only then has the next run nothing to do.
  const isOver = missing === 0 && (facts.sourceDeactivated || source.deactivate === undefined)
  const open = missing > 0 ? `${missing} blobs are missing` : `${source.name} is active`
  await journal.append({
    type: 'step',
    step: 'report',
    state: isOver ? 'done' : 'failed',
    text: isOver ? 'complete' : open,
  })
  if (isOver) await store.clearFiles()
}

const lastStep = ({ until, rehearse }: NonNullable<MoveRequest['options']>): StepName => {
  if (!rehearse) return until ?? 'report'
  return until && STEP_NAMES.indexOf(until) < STEP_NAMES.indexOf(REHEARSED) ? until : REHEARSED
}

/**
 * Moves an account. Every step may be repeated: after any interruption, the same call goes on where it was, with the
 * journal or without it. Throws `MoverError` where a person has to do something, with what that is.
 */
export async function moveAccount(request: MoveRequest): Promise<MoveReport> {
  const { store, options = {}, on } = request
  let current: StepName = 'who'
  const emit = (event: MoveEvent) => on?.(event)
  const told = (report: MoveReport): MoveReport => {
    emit({ type: 'report', report })
    return report
  }
  const owner: Owner = {
    async answer(name, asks) {
      emit({ type: 'asked', step: current, question: name })
      return await request.owner.answer(name, asks)
    },
  }
  const release = await store.lock(async ({ name, idleMs }) => {
    const found = `another mover (${name}) has the move in ${store.name}; it last made progress ${Math.round(idleMs / 1000)} seconds ago`
    const agreed = await owner.answer('confirm', {
      topic: 'takeOver',
      question: 'Take the move over from it?',
      lines: [found],
      insists: true,
    })
    if (!agreed) throw new MoverError('another-mover', found)
  })
  try {
    emit({ type: 'step', step: 'who', state: 'begun' })
    const known = await findWho({ ...request, owner })
    const { who } = known
    emit({
      type: 'step',
      step: 'who',
      state: 'done',
      text: `${who.handle ?? 'no handle'} (${who.did}) on ${who.pds ?? 'no PDS'}`,
    })
    if (await isFinished(known)) return told(finishedReport(known))
    const move = await openMove({ ...request, owner }, known, emit)
    try {
      const { reached, changed } = await runSteps(move, lastStep(options), (step) => (current = step))
      const isWhole = reached === 'lateRecords'
      if (isWhole) await finish(move)
      return told(makeReport(move, { reached: isWhole ? 'report' : reached, already: !changed }))
    } finally {
      await closeMove(move, current)
    }
  } finally {
    await release()
  }
}
