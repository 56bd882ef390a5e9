import type { Operation } from '../../plc/types.ts'
import { done, headOf, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { needPlan, ROTATED } from './plan.ts'

/** Whether the operation that an earlier run had signed can still be submitted. */
const isUsable = async (move: Move): Promise<boolean> => {
  const { signed } = move.journal.state
  return signed !== undefined && signed.prev === (await headOf(move)).cid
}

/** Has the source sign the operation. */
export const sign: Step = {
  name: 'sign',
  title: 'Signed',
  reversible: true,
  needs: ['confirm'],
  isDone: async (move) => {
    if (move.facts.rotated) return ROTATED
    return (await isUsable(move)) ? 'it was signed before' : undefined
  },
  async run(move) {
    const { source, owner, journal, facts } = move
    const { operation } = await needPlan(move)
    const { requestCode } = source
    const send = async () => {
      await requestCode?.()
      await journal.append({ type: 'codeSent' })
    }
    const code = requestCode
      ? await owner.answer('plcCode', {
          origin: source.name,
          sentAt: journal.state.codeSentAt,
          send,
        })
      : undefined
    try {
      facts.signed = await source.sign(operation, code?.trim())
    } catch (cause) {
      if (cause instanceof MoverError && cause.code === 'code-refused')
        await journal.append({ type: 'codeRefused' })
      throw cause
    }
    // The mailed code is used up: what it gave is kept before anything else happens.
    await journal.append({ type: 'signed', operation: facts.signed as Operation })
    return done(`by ${source.name}`)
  },
}
