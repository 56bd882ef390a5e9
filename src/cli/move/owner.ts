import { MoverError } from '../../mover/moverError.ts'
import type { Confirmation, Owner, Questions } from '../../mover/owner.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { firstInputLine, SaidNo } from '../terminal/prompts.ts'

type Asks<Name extends keyof Questions> = Questions[Name]['asks']
type Answer<Name extends keyof Questions> = Promise<Questions[Name]['answer']>
type Answers = { readonly [Name in keyof Questions]: (asks: Asks<Name>) => Answer<Name> }

/** How the password of the account at the target is had: a command may know where it is kept. */
export type TargetPassword = (asks: Asks<'targetPassword'>) => Promise<string>

/** What is missing where nobody can be asked. */
const missing = (what: string, next: string): CliError => new CliError('not-a-terminal', what, { next })

/** The questions of a move, asked on the terminal; some have their answer in the environment or on standard input. */
export function createOwner(
  context: Context,
  { targetPassword, email }: { targetPassword?: TargetPassword; email?: string | undefined } = {},
): Owner {
  const { io, out, prompts, globals } = context
  const { env } = io

  const confirm = async ({ topic, question, lines, insists }: Confirmation): Promise<boolean> => {
    // With --json the notes are left out, but the person who is asked must see what about.
    const text = out.json ? [...lines, question].join('\n') : question
    try {
      if (insists)
        await prompts.insist(text, new CliError('not-confirmed', `there is no terminal to ask: ${question}`))
      else await prompts.confirm(text)
      return true
    } catch (cause) {
      // Late records may stay behind; whatever else is refused, the move stops there.
      if (cause instanceof SaidNo && topic === 'lateRecords') return false
      if (!(cause instanceof CliError) || cause.code !== 'not-confirmed') throw cause
      throw new MoverError('not-confirmed', cause.message, { next: cause.next, cause })
    }
  }

  const newPassword = async ({ origin, handle }: Asks<'newPassword'>): Promise<string> => {
    const given = env['PDS_TARGET_PASSWORD']
    if (given) return given
    const what = `for ${handle} on ${origin}`
    const alternative = 'PDS_TARGET_PASSWORD in the environment'
    const check = (text: string) => (text.length < 8 ? 'It must have 8 characters or more.' : undefined)
    const first = await prompts.secret(`New account password ${what}`, { check, alternative })
    await prompts.secret('The same again', {
      check: (text) => (text === first ? undefined : 'That is another one.'),
      alternative,
    })
    return first
  }

  const answers: Answers = {
    async sourcePassword({ origin, identifier }) {
      const given =
        env['PDS_SOURCE_PASSWORD'] ??
        (io.stdin.isTTY
          ? await prompts.secret(`Account password of ${identifier} on ${origin}`)
          : await firstInputLine(io))
      if (given) return given
      throw missing(
        `the account password of ${identifier} is missing`,
        'give it on standard input or as PDS_SOURCE_PASSWORD',
      )
    },
    signInCode: ({ origin }) => prompts.text(`Sign-in code that ${origin} has sent to you by e-mail`),
    async migrationToken({ origin, target, why, check }) {
      const where = `printed by \`pds migrate-token --target ${target}\` there`
      if (io.stdin.isTTY)
        return await prompts.secret(
          why ? `${why} Another one, ${where}` : `Migration token of ${origin}, ${where}`,
          { check },
        )
      if (why)
        throw new CliError('token-expired', 'the token expired during the copy; what was copied is kept')
      const token = await firstInputLine(io)
      if (token) return token
      throw missing(
        'no migration token on standard input',
        `pds migrate-token … | pds import --from ${origin}`,
      )
    },
    async plcCode({ origin, sentAt, send, token }) {
      const given = env['PDS_PLC_TOKEN']
      if (given) return given
      const alternative = 'PDS_PLC_TOKEN in the environment'
      if (token)
        return await prompts.secret(
          `Migration token of ${origin}, printed by \`pds migrate-token${token.target === undefined ? '' : ` --target ${token.target}`}\` there`,
          { alternative },
        )
      const what = `PLC code that ${origin} has sent to you by e-mail`
      if (sentAt !== undefined) {
        const answer = await prompts.text(
          `${what} (at ${sentAt}). If it is lost, answer "new": another one is sent, and the first is void`,
          { alternative },
        )
        if (answer !== 'new') return answer
      }
      await send()
      return await prompts.text(what, { alternative })
    },
    async inviteCode({ origin }) {
      return (
        env['PDS_INVITE_CODE'] ??
        (await prompts.text(`Invite code for ${origin}`, {
          alternative: 'PDS_INVITE_CODE in the environment',
        }))
      )
    },
    async email({ origin }) {
      return (
        email ??
        (await prompts.text(`E-mail address for the account on ${origin}`, { alternative: '--email' }))
      )
    },
    newPassword,
    async targetPassword(asks) {
      if (targetPassword) return await targetPassword(asks)
      const given = env['PDS_TARGET_PASSWORD']
      if (given) return given
      return await prompts.secretOfTerminal(
        `Account password of ${asks.handle} on ${asks.origin}`,
        new CliError('sign-in-needed', `the account password of ${asks.handle} on ${asks.origin} is needed`, {
          next: 'give it as PDS_TARGET_PASSWORD, or run the command in a terminal',
        }),
      )
    },
    handle: ({ why, origin, domains }) =>
      prompts.text(
        `${why}. Handle on ${origin}: a domain of yours that names the DID already${domains.length > 0 ? `, or one below ${domains.join(', ')}` : ''}`,
        { alternative: '--handle' },
      ),
    async rotationKey({ text }) {
      // Whose a key is, only its owner knows; a key that nobody speaks of stays.
      if (!io.stdin.isTTY || globals.yes) return 'unsure'
      return await prompts.choose(
        text,
        [
          { value: 'unsure', label: 'I do not know: it stays' },
          { value: 'mine', label: 'It is mine: it stays above the new server’s' },
          { value: 'notMine', label: 'It is not mine: it is dropped' },
        ],
        'a terminal',
      )
    },
    confirm,
  }

  return {
    // Each answer has the type of its own question.
    answer: (name, asks) => answers[name](asks as never) as never,
  }
}
