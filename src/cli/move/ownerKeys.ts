import { resolve } from 'node:path'
import { isPublicKey } from '../../crypto/publicKey.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { openRecoveryKeyFile } from '../files/recoveryKeyFile.ts'
import { configuredKeys } from './moveContext.ts'

export const RECOVERY_KEY_FLAG = {
  type: 'string',
  hint: 'file|did:key',
  help: 'Your recovery key: its file (`pds recovery-key create`) or its did:key, so that it counts as yours.',
} as const

const isDidKey = (given: string): boolean => given.startsWith('did:')

/** The file of `--recovery-key`; undefined if it names the key only. */
export const recoveryKeyFile = (given: string | undefined): string | undefined =>
  given === undefined || isDidKey(given) ? undefined : given

/** The did:key of `--recovery-key`. */
const recoveryKeyDid = async ({ io }: Pick<Context, 'io'>, given: string): Promise<string> => {
  if (!isDidKey(given)) return (await openRecoveryKeyFile(resolve(io.cwd, given))).did
  if (isPublicKey(given)) return given
  throw new CliError(
    'usage',
    `--recovery-key ${given.slice(0, 100)} is not a did:key of a k256 or P-256 key`,
    { next: 'give the did:key that `pds recovery-key create` printed, or the file that it wrote' },
  )
}

/** The rotation keys that are the owner's: that of `--recovery-key`, and those that wrangler.toml names. */
export const ownerKeysOf = async (
  context: Pick<Context, 'io' | 'project'>,
  given: string | undefined,
): Promise<string[]> => [
  ...(given === undefined ? [] : [await recoveryKeyDid(context, given)]),
  ...configuredKeys(context),
]
