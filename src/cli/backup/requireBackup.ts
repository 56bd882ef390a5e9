import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import type { Status } from '../servers/status.ts'
import { findingText, openBackup, verifyBackup } from './openBackup.ts'

/** A backup that was found complete. */
export interface CompleteBackup {
  folder: string
  /** When it was made, in milliseconds since the epoch. */
  madeAt: number
  /** The revision of its repository. */
  rev: string
}

export const noBackup = (message: string): CliError => new CliError('backup-needed', message)

/** Verifies the folder as a restore would: that it is of this account, and complete. */
export async function requireBackup(
  context: Context,
  dir: string,
  { did }: Pick<Status, 'did'>,
): Promise<CompleteBackup> {
  const archive = await openBackup(context, dir)
  const { folder, index } = archive
  if (archive.did !== did)
    throw new CliError(
      'wrong-account',
      `${folder} is the backup of ${archive.did}, and the account is ${did}`,
    )
  if (!index)
    throw noBackup(
      `${folder} was written by \`pds export\`; \`pds backup\` with the same folder makes it a backup`,
    )
  const { findings, manifest, facts } = await verifyBackup(context, archive)
  const problems = [
    ...findings.filter(({ problem }) => problem !== 'extra').map(findingText),
    ...index.blobs.lost.map((cid) => `the blob ${cid} was lost before it was made`),
  ]
  if (!manifest || !facts || problems.length > 0)
    throw noBackup(`${folder} is not complete: ${problems.join('; ')}`)
  return { folder, madeAt: manifest.iat * 1000, rev: facts.rev }
}
