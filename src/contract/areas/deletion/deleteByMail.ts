import { inWords, type Answer, type Asking } from '../../ask.ts'
import { NoCode } from '../../codeRequest.ts'
import { confirmByMail } from '../../mailedCode.ts'
import type { MadeAccount, Run } from '../../types.ts'
import { postAsOwner } from '../asOwner.ts'
import { DELETE, REQUEST } from './rules.ts'

export const requestDeletion = (ask: Asking, { session }: MadeAccount): Promise<Answer> =>
  ask(REQUEST, postAsOwner(session))

/** Asks for a deletion with this code. */
export const deleteWith = (ask: Asking, { session, password }: MadeAccount, token: string): Promise<Answer> =>
  ask(DELETE, postAsOwner(session, { did: session.did, password, token }))

/** Deletes an account with the code that was mailed, asked for at `mailedAt`. Resolves with the last answer. */
export async function deleteByMail(
  run: Pick<Run, 'mailedCode' | 'hide' | 'deps'>,
  ask: Asking,
  account: MadeAccount,
  mailedAt: number,
): Promise<Answer> {
  const { did, handle } = account.session
  try {
    const answer = await confirmByMail(run, {
      about: { purpose: 'account-deletion', did, handle },
      mailedAt,
      send: () => requestDeletion(ask, account),
      use: (code) => deleteWith(ask, account, code),
    })
    if (answer.status !== 200) account.notDeleted = inWords(answer)
    return answer
  } catch (cause) {
    // After an interrupt it may work without anybody at the terminal.
    if (cause instanceof NoCode && !run.deps.signal.aborted) account.notDeleted = cause.message
    throw cause
  }
}
