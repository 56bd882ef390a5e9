import { inWords, type Answer } from './ask.ts'
import { NoCode, type CodeRequest } from './codeRequest.ts'
import type { Run } from './types.ts'

/** A code may be mistyped, or that of an earlier mail. */
const MAX_TRIES = 3

const isOfCode = (answer: Answer): boolean =>
  answer.status >= 400 &&
  answer.status < 429 &&
  (['InvalidToken', 'ExpiredToken'].includes(answer.error ?? '') || /\b(code|token)\b/i.test(inWords(answer)))

export interface Confirming {
  readonly about: Pick<CodeRequest, 'purpose' | 'did' | 'handle'>
  /** When the first code was asked for. */
  readonly mailedAt: number
  /** Has another code mailed. */
  send(): Promise<unknown>
  use(code: string): Promise<Answer>
}

/**
 * Uses a code that was mailed. A code that is refused is asked for again, three times in all; for one that has expired
 * another mail is sent. Resolves with the last answer.
 */
export async function confirmByMail(
  { mailedCode, hide, deps }: Pick<Run, 'mailedCode' | 'hide' | 'deps'>,
  { about, mailedAt, send, use }: Confirming,
): Promise<Answer> {
  let since = new Date(mailedAt).toISOString()
  let refused: string | undefined
  for (let tries = 1; ; tries++) {
    if (!mailedCode) throw new NoCode('nobody reads the mail')
    const code = (await mailedCode({ ...about, since, ...(refused === undefined ? {} : { refused }) })).trim()
    hide(code)
    const answer = await use(code)
    if (tries === MAX_TRIES || !isOfCode(answer)) return answer
    refused = inWords(answer)
    if (answer.error !== 'ExpiredToken') continue
    since = new Date(deps.now()).toISOString()
    await send()
  }
}
