import { toBase64url } from '../../crypto/base64url.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'

/** A password that nobody guesses. */
export const randomPassword = (random: (length: number) => Uint8Array): string => toBase64url(random(24))

/** The password of PDS_PASSWORD, the user's answer, or without a terminal a generated one. */
export const askAccountPassword = async ({
  prompts,
  io,
}: Pick<Context, 'prompts' | 'io'>): Promise<{ value: string; generated: boolean }> => {
  const given = io.env['PDS_PASSWORD']
  const check = (text: string) => (text.length < 8 || text.length > 512 ? '8 to 512 characters.' : undefined)
  const wrong = given === undefined ? undefined : check(given)
  if (wrong) throw new CliError('usage', `PDS_PASSWORD: ${wrong}`)
  if (given !== undefined) return { value: given, generated: false }
  if (!io.stdin.isTTY) return { value: randomPassword(io.random), generated: true }
  return {
    value: await prompts.secret('Account password, for apps and other tools', { check }),
    generated: false,
  }
}
