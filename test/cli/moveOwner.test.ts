import { expect, it } from 'vitest'
import type { Context } from '../../src/cli/command.ts'
import { CliError } from '../../src/cli/errors.ts'
import { createOwner } from '../../src/cli/move/owner.ts'
import { SaidNo } from '../../src/cli/terminal/prompts.ts'
import type { Confirmation } from '../../src/mover/owner.ts'

/** What comes of a question when the terminal answers it like this. */
const answerOf = async (topic: Confirmation['topic'], cause: Error | undefined, insists: boolean) => {
  const ask = async () => {
    if (cause) throw cause
  }
  const context = {
    io: { env: {} },
    out: { json: false },
    prompts: { insist: ask, confirm: ask },
    globals: {},
  } as unknown as Context // as much of it as is used
  const confirmation = { topic, question: 'Shall it?', lines: [], insists }
  return await createOwner(context)
    .answer('confirm', confirmation)
    .catch((refused: { code?: string }) => refused.code)
}

it.each([true, false])(
  'a no to late records is an answer, and the move ends with it (insists: %s)',
  async (insists) => {
    expect(await answerOf('lateRecords', new SaidNo(), insists)).toBe(false)
    expect(await answerOf('lateRecords', undefined, insists)).toBe(true)
  },
)

it('nobody to ask is not an answer, and a no to anything else stops the move', async () => {
  expect(await answerOf('lateRecords', new CliError('not-confirmed', 'no terminal'), true)).toBe(
    'not-confirmed',
  )
  expect(await answerOf('operation', new SaidNo(), false)).toBe('not-confirmed')
})
