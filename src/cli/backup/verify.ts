import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ArchiveError } from '../../archive/archiveError.ts'
import { INCOMING_FOLDER, INDEX_FILE } from '../../archive/archiveIndex.ts'
import type { Finding } from '../../archive/finding.ts'
import { type Archive, openArchive } from '../../archive/openArchive.ts'
import type { Context } from '../command.ts'
import { EXIT } from '../exit.ts'
import { CliError } from '../errors.ts'
import { bytes, count } from '../terminal/output.ts'
import { knownPassphrase } from './backupKeys.ts'
import { archiveError, findingText, orArchiveError, verifyBackup } from './openBackup.ts'

/** How many findings are printed; `--json` has all. */
const SHOWN = 20

/** Opens the archive; what keeps it from being one at all, though a backup was begun there, is a finding. */
const openOrFind = async (folder: string): Promise<Archive | Finding> => {
  try {
    return await openArchive(folder)
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause
    if (cause.code === 'BadFile' && existsSync(join(folder, INDEX_FILE)))
      return { file: INDEX_FILE, problem: 'wrong', detail: cause.message }
    if (cause.code === 'NotAnArchive' && existsSync(join(folder, INCOMING_FOLDER)))
      return {
        file: INDEX_FILE,
        problem: 'missing',
        detail:
          'the backup was interrupted before it was complete: run `pds backup` again, which goes on with it',
      }
    throw archiveError(cause)
  }
}

const checkKeys = async (context: Context, archive: Archive): Promise<void> => {
  const passphrase = await knownPassphrase(context, 'Passphrase of the keys in the backup')
  await orArchiveError(archive.secrets(passphrase))
}

const summary = ({ index, folder }: Archive): string[] => {
  if (!index)
    return ['  A folder of `pds export`: it has no list of hashes. `pds backup <dir>` makes it an archive.']
  const { handle, did, createdAt, records, rev, blobs, keys, files } = index
  const size = files.reduce((sum, file) => sum + file.size, 0)
  return [
    `  account     ${handle} (${did})`,
    `  made        ${createdAt}`,
    `  repository  ${count(records, 'record')}, rev ${rev}`,
    `  blobs       ${count(blobs.count, 'blob')}, ${bytes(blobs.bytes)}${blobs.lost.length > 0 ? `; ${blobs.lost.length} were lost when it was made` : ''}`,
    `  keys        ${keys ? 'encrypted with a passphrase' : 'NOT in the backup'}`,
    `  files       ${count(files.length, 'file')}, ${bytes(size)}, in ${folder}`,
  ]
}

/** `pds backup verify <dir>`: says which files are wrong, missing or extra. It needs no network. */
export async function verify(context: Context, dir: string, { keys }: { keys: boolean }): Promise<number> {
  const { out, io } = context
  const folder = resolve(io.cwd, dir)
  if (!existsSync(folder)) throw new CliError('bad-backup', `there is no folder ${folder}`)
  const archive = await openOrFind(folder)
  if ('problem' in archive) {
    out.result(
      { ok: false, folder, findings: [archive] },
      `${out.paint('red', 'Not a whole backup')}: ${folder}\n  ${findingText(archive)}`,
      'bad-backup',
    )
    return EXIT.problems
  }
  const { findings, leftovers, facts } = await verifyBackup(context, archive)
  if (keys) await checkKeys(context, archive)
  const ok = findings.length === 0
  const { index } = archive
  const verdict = ok ? out.paint('green', 'Intact') : out.paint('red', 'Not intact')
  const text = [
    `${verdict}: ${folder}`,
    ...summary(archive),
    ...(keys ? ['  The passphrase opens the keys.'] : []),
    ...findings.slice(0, SHOWN).map((finding) => `  ${findingText(finding)}`),
    ...(findings.length > SHOWN ? [`  and ${findings.length - SHOWN} more (--json lists all)`] : []),
    ...(leftovers.length > 0
      ? [
          `  ${count(leftovers.length, 'file')} of a backup that was interrupted: they do no harm, and the next backup goes on with them.`,
        ]
      : []),
  ].join('\n')
  out.result(
    {
      ok,
      folder,
      did: archive.did,
      createdAt: index?.createdAt ?? null,
      rev: archive.facts.rev,
      commit: archive.facts.commit,
      data: archive.facts.data,
      records: facts?.records ?? null,
      blobs: facts?.blobs.size ?? null,
      lost: archive.facts.lostBlobs,
      keys: archive.hasSecrets,
      files: index?.files.length ?? null,
      findings,
      leftovers,
    },
    text,
    ok ? undefined : 'bad-backup',
  )
  return ok ? EXIT.ok : EXIT.problems
}
