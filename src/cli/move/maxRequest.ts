import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { CliError } from '../errors.ts'

const MEGABYTE = 1_000_000

/** The flag of the commands that send a repository. */
export const MAX_REQUEST_FLAG = {
  type: 'string',
  hint: 'MB',
  help: `Send a Cirrus a repository that is larger than this in parts that are not. Default: ${REQUEST_LIMIT_BYTES / MEGABYTE}.`,
} as const

/** Megabytes, perhaps with decimals, as bytes. */
export const parseMaxRequest = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const size = /^\d{1,7}(\.\d{1,6})?$/.test(text) ? Math.round(Number(text) * MEGABYTE) : 0
  if (size > 0) return size
  throw new CliError('usage', `--max-request ${text} is not a number of megabytes`)
}
