import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import type { Flags } from './args.ts'

/** The flag with which a script types the handle. */
export const CONFIRM_HANDLE = {
  'confirm-handle': {
    type: 'string',
    hint: 'handle',
    help: 'The handle of the account here, for scripts. --yes does not replace it.',
  },
} as const satisfies Flags

/** Has the user type the account's handle, unless a flag gave it. Throws if it is another. */
export const confirmHandle = async (
  { prompts }: Pick<Context, 'prompts'>,
  { given, handle, to }: { given: string | undefined; handle: string; to: string },
): Promise<string> => {
  const check = (text: string) =>
    text.trim().toLowerCase() === handle ? undefined : `That is not ${handle}. Nothing was changed.`
  const typed =
    given ??
    (await prompts.text(`Type the handle of the account to ${to} (${handle})`, {
      check,
      alternative: '--confirm-handle',
    }))
  const wrong = check(typed)
  if (wrong) throw new CliError('not-confirmed', wrong)
  return handle
}
