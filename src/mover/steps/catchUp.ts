import { already, done, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { insist } from './ask.ts'
import { bringBlobs } from './blobs.ts'
import { bringRepository } from './repository.ts'

/** The source does not answer: only the owner can decide to go on with what was copied. */
const goOnWithout = async (move: Move, cause: unknown): Promise<void> => {
  const { source, owner, journal, facts } = move
  const copied = journal.state.repository
  if (!(cause instanceof MoverError) || cause.kind !== 'retry' || !copied) throw cause
  const text = `${source.name} does not answer (${cause.message}), so nobody knows whether something was written there after rev ${copied.rev}, which was copied`
  const question = 'Activate the account with what was copied?'
  await insist({ owner }, { topic: 'sourceGone', question, lines: [text] }, cause)
  facts.left.push(text)
}

/**
 * Brings over what was written to the source since the copy, while the target is inactive and the DID names it: a source
 * that is not ours takes writes until it is deactivated.
 */
export const catchUp: Step = {
  name: 'catchUp',
  title: 'Caught up',
  reversible: true,
  needs: ['submit', 'repository', 'blobs'],
  async isDone({ target }) {
    return (await target.status()).active ? 'the account is active already' : undefined
  },
  async run(move) {
    const before = move.journal.state.repository?.root
    try {
      const { text } = await bringRepository(move, 'catchUp')
      await bringBlobs(move, 'catchUp')
      return move.facts.repo?.root === before ? already('nothing was written since') : done(text)
    } catch (cause) {
      await goOnWithout(move, cause)
      return already('the source does not answer')
    }
  },
}
