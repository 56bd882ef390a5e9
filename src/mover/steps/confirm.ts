import { canonicalJson } from '../../canonicalJson.ts'
import { done, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { insist } from './ask.ts'
import { needPlan, ROTATED } from './plan.ts'

const SIGNS = { added: '+', dropped: '-', warning: '!' } as const

/** Asks for the owner's consent to the operation, value by value. */
export const confirm: Step = {
  name: 'confirm',
  title: 'Agreed',
  reversible: true,
  needs: ['preview'],
  isDone: async (move) => {
    if (move.facts.rotated) return ROTATED
    const { agreed } = move.journal.state
    if (agreed === undefined) return undefined
    const { operation } = await needPlan(move)
    return canonicalJson(agreed) === canonicalJson(operation) ? 'you have agreed to it before' : undefined
  },
  async run(move) {
    const { owner, journal, source, target } = move
    const plan = await needPlan(move)
    // A source proves that a key is its own by signing with it. Of others it could say so to have the owner's dropped.
    const claimed = plan.roles
      .filter(({ key, basis }) => basis === 'named' && plan.dropped.includes(key))
      .map(({ key }) => key)
    const lines = [
      `The operation that moves the DID to ${target.origin}:`,
      ...plan.preview.map(({ kind, text }) => `${kind === 'kept' ? ' ' : SIGNS[kind]} ${text}`),
    ]
    const question =
      source.kind === 'archive'
        ? 'Sign this here, and send it to the PLC directory?'
        : `Have ${source.name} sign this, and send it to the PLC directory?`
    if (claimed.length > 1) {
      const what = `${source.name} names ${claimed.length} of the DID’s rotation keys as its own, and they would be dropped: ${claimed.join(', ')}`
      await insist(
        { owner },
        { topic: 'keys', question: `${what}. Is none of them yours? ${question}`, lines },
        new MoverError(
          'operation-differs',
          `${what}. Only the owner knows whether one of them is theirs; nothing was signed`,
          {
            next: 'run the command in a terminal and say which keys are yours, or put keys of your own into RECOVERY_KEYS of the new server; --yes does not cover this',
          },
        ),
      )
    } else if (!(await owner.answer('confirm', { topic: 'operation', question, lines, insists: false })))
      throw new MoverError('not-confirmed', 'the answer was no: nothing was signed')
    await journal.append({ type: 'agreed', operation: plan.operation })
    return done('the operation is what you have seen')
  },
}
