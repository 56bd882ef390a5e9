import type { Context } from '../command.ts'
import { operationText, type ShownOperation } from './operationText.ts'

/** What the server answers to a change of the DID, and to its preview. */
interface ChangedDid extends ShownOperation {
  /** Names the operation; undefined if the DID needs none. */
  id?: string
}

export interface ConfirmOperation<T> {
  /** Asks the server for the change, or only what it would be. `operation` is the one that was shown. */
  change(input: { preview?: boolean; operation?: string }): Promise<T>
  /** What the operation is for, above it. */
  reason(shown: T): string
  /** Asks before a change that needs no operation; by default nothing is asked. */
  withoutOperation?(shown: T): Promise<void>
}

/** Shows the operation that the DID needs and asks; then exactly this one is signed and sent. */
export async function confirmOperation<T extends ChangedDid>(
  { out, prompts }: Context,
  { change, reason, withoutOperation }: ConfirmOperation<T>,
): Promise<{ shown: T; done: T }> {
  const shown = await change({ preview: true })
  const { id } = shown
  if (id === undefined) {
    await withoutOperation?.(shown)
    return { shown, done: await change({}) }
  }
  out.note(`${reason(shown)}\n${operationText(shown)}`)
  await prompts.confirm('Have it signed and sent?')
  return { shown, done: await change({ operation: id }) }
}
