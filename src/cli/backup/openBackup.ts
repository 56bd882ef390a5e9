import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ArchiveError } from '../../archive/archiveError.ts'
import { type Archive, openArchive } from '../../archive/openArchive.ts'
import { type Verification, verifyArchive } from '../../archive/verifyArchive.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { bytes } from '../terminal/output.ts'

/** The CliError for what an archive refused; any other cause is returned as it is. */
export const archiveError = (cause: unknown): unknown => {
  if (!(cause instanceof ArchiveError)) return cause
  const code = cause.code === 'WrongPassphrase' ? 'wrong-passphrase' : 'bad-backup'
  return new CliError(code, cause.message, { cause })
}

/** The answer of a call to the archive; an `ArchiveError` becomes a CliError. */
export const orArchiveError = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked
  } catch (cause) {
    throw archiveError(cause)
  }
}

/** Opens the folder that a command was given. */
export const openBackup = async ({ io }: Context, dir: string): Promise<Archive> => {
  const folder = resolve(io.cwd, dir)
  if (!existsSync(folder)) throw new CliError('bad-backup', `there is no folder ${folder}`)
  return await orArchiveError(openArchive(folder))
}

/** Verifies an archive and shows how far it is. `keys` may have signed, besides those that the archive proves. */
export const verifyBackup = async (
  { io, out }: Context,
  archive: Archive,
  keys: readonly string[] = [],
): Promise<Verification> => {
  const progress = out.progress('Verifying', archive.index ? bytes : undefined)
  let shown = false
  const verification = await verifyArchive(archive, {
    now: io.now(),
    keys,
    signal: io.signal,
    onProgress: (done, total) => {
      shown = true
      progress.to(done, total)
    },
  })
  if (shown) progress.end()
  return verification
}

/** A finding as a sentence. */
export const findingText = ({ file, problem, detail }: Verification['findings'][number]): string =>
  `${problem.padEnd(7)}  ${file}: ${detail}`
