import type { Operation, UnsignedOperation } from '../../plc/types.ts'
import { done, headOf, type Move, type Step } from '../move.ts'
import { MoverError } from '../moverError.ts'
import { needPlan, ROTATED } from './plan.ts'

/** Whether the operation that an earlier run had signed can still be submitted. */
const isUsable = async (move: Move): Promise<boolean> => {
  const { signed } = move.journal.state
  return signed !== undefined && signed.prev === (await headOf(move)).cid
}

/** The code that the source has mailed. None is requested again by itself: a second one voids the first. */
const askForCode = async (
  { source, target, owner, journal }: Move,
  sentAt: string | undefined,
): Promise<string> => {
  const send = async () => {
    // Written before: after a lost answer, the code may be on its way.
    await journal.append({ type: 'codeSent' })
    await source.requestCode?.().catch(async (cause: unknown) => {
      await journal.append({ type: 'codeRefused' })
      throw cause
    })
  }
  return (
    await owner.answer('plcCode', {
      origin: source.name,
      sentAt,
      send,
      ...(source.kind === 'cirrus' ? { token: { target: target.origin } } : {}),
    })
  ).trim()
}

const signWithCode = async (move: Move, operation: UnsignedOperation): Promise<unknown> => {
  const { source, journal } = move
  if (!source.requestCode) return await source.sign(operation)
  const { codeSentAt } = journal.state
  for (const sentAt of codeSentAt === undefined ? [undefined] : [codeSentAt, undefined])
    try {
      return await source.sign(operation, await askForCode(move, sentAt))
    } catch (cause) {
      if (!(cause instanceof MoverError) || cause.code !== 'code-refused') throw cause
      await journal.append({ type: 'codeRefused' })
      // A code of an earlier run may be used up: then, and only then, another one may be asked for at once.
      if (sentAt === undefined) throw cause
    }
  throw new MoverError('code-refused', `${source.name} accepted no code`)
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
    const { source, journal, facts } = move
    const { operation } = await needPlan(move)
    facts.signed = await signWithCode(move, operation)
    // The mailed code is used up: what it gave is kept before anything else happens.
    await journal.append({ type: 'signed', operation: facts.signed as Operation })
    return done(source.kind === 'archive' ? 'here, with a key of yours' : `by ${source.name}`)
  },
}
