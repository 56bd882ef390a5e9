import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type PlcAccount } from '../dev/account.ts'
import { startCirrus } from '../dev/cirrus.ts'

/** Where the account moves to: a second Cirrus, or the reference PDS. */
export interface Target {
  readonly url: string
  /** One sentence about it. */
  readonly about: string
  /** The account's password there: one that she chose, or the one that her Cirrus was set up with. */
  readonly password: string
  close(): Promise<void>
}

export const TARGETS = ['cirrus', 'reference'] as const
export type TargetKind = (typeof TARGETS)[number]

const INTEROP = join(import.meta.dirname, '..', 'test', 'interop')

/** Why this kind of target cannot be started here and what to do about it; undefined if it can. */
export const missing = (kind: TargetKind): string | undefined =>
  kind === 'cirrus' || existsSync(join(INTEROP, 'node_modules', '.interop-installed'))
    ? undefined
    : 'The reference PDS is not installed. Run `npm run interop:install` (1.5 minutes, once), then the demo again.'

/** Starts a target that does not have the account yet. */
export const startTarget = async (
  kind: TargetKind,
  { did, handle, plcUrl, recoveryKeys }: PlcAccount,
): Promise<Target> => {
  if (kind === 'cirrus') {
    const cirrus = await startCirrus({ did, handle, plcUrl, recoveryKeys })
    const about = 'A second Cirrus with keys of its own, configured for her DID and still empty'
    return { url: cirrus.url, about, password: cirrus.password, close: cirrus.close }
  }
  const { startReference } = await import('../test/interop/support/reference.ts')
  const reference = await startReference({ plcUrl })
  const about = 'The reference PDS of Bluesky (@atproto/pds), in a process of its own'
  return { url: reference.url, about, password: randomBytes(9).toString('base64url'), close: reference.close }
}
