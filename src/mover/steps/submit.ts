import { operationCid } from '../../plc/cid.ts'
import { diffOperation } from '../../plc/diffOperation.ts'
import type { Operation } from '../../plc/types.ts'
import { done, headOf, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { moverFailure } from '../refusal.ts'
import { ROTATED } from './plan.ts'

/** Holds writes back at a source that can. Where it fails, what is written meanwhile is caught up with. */
const fence = async ({ source, facts, journal, emit }: Move): Promise<void> => {
  if (!source.fence) return
  try {
    await source.fence(true)
    facts.fenced = true
    await journal.append({ type: 'fenced', on: true })
  } catch (cause) {
    if (!(cause instanceof MoverError) || cause.code === 'another-mover') throw cause
    const text = `${source.name} goes on taking writes during the move: ${cause.message}`
    emit({ type: 'warning', step: 'submit', code: cause.code, text })
  }
}

/** Has the DID name the target. Before it, everything can be undone. */
export const submit: Step = {
  name: 'submit',
  title: 'Identity',
  reversible: false,
  needs: ['compare'],
  isDone: async ({ facts }) => (facts.rotated ? ROTATED : undefined),
  async run(move) {
    const { target, directory, journal, facts, who, emit } = move
    const operation = facts.signed as Operation
    const cid = await operationCid(operation)
    const before = await headOf(move)
    await fence(move)
    facts.submitting = cid
    if (before.cid !== cid) {
      let failure: unknown
      await target.submit(operation).catch((cause: unknown) => (failure = cause))
      // A target may say that it has sent what it has not, or fail after it did: the directory knows.
      if ((await headOf(move)).cid !== cid) {
        facts.submitting = undefined
        if (failure !== undefined) throw failure
        emit({
          type: 'warning',
          step: 'submit',
          code: 'target-lies',
          text: `${target.origin} says that it has submitted the operation, and the directory does not have it: it is sent from here.`,
        })
        facts.submitting = cid
        await directory.submit(who.did, operation).catch((cause: unknown) => {
          throw moverFailure(cause, 'target')
        })
      }
    }
    const head = await headOf(move)
    facts.submitting = undefined
    if (head.cid !== cid)
      throw new MoverError(
        'directory-refused',
        `another operation (${head.cid}) stands in the directory in place of the one that was signed`,
        { next: 'run the same command again: it shows the operation that is needed now' },
      )
    await journal.append({ type: 'submitted', cid })
    facts.rotated = true
    for (const { text } of diffOperation(before.data, operation)) emit({ type: 'note', step: 'submit', text })
    return done('the DID names the new server')
  },
}
