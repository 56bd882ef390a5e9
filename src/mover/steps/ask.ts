import type { Move } from '../move.ts'
import { MoverError } from '../moverError.ts'
import type { Confirmation } from '../owner.ts'

/**
 * Asks what no answer that was given beforehand covers. An owner who does not say yes, or cannot be asked, gets the error
 * that says what it is about.
 */
export async function insist(
  { owner }: Pick<Move, 'owner'>,
  confirmation: Omit<Confirmation, 'insists'>,
  refused: MoverError,
): Promise<void> {
  const agreed = await owner.answer('confirm', { ...confirmation, insists: true }).catch((cause: unknown) => {
    throw cause instanceof MoverError && cause.code === 'not-confirmed' ? refused : cause
  })
  if (!agreed) throw refused
}
