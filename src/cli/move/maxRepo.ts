import { CliError } from '../errors.ts'

/** The flag of the commands that fetch a repository. */
export const MAX_REPO_FLAG = {
  type: 'string',
  hint: 'MB',
  help: 'Refuse a repository that is larger. Default: 2000.',
} as const

/** Megabytes as bytes. */
export const parseMaxRepo = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text) * 1_000_000
  throw new CliError('usage', `--max-repo ${text} is not a number of megabytes`)
}
