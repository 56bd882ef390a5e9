import { type Archive } from '../../../archive/openArchive.ts'
import { parseDidDocument } from '../../../identity/didDocument.ts'
import type { SigningKey } from '../../../signing/keys.ts'
import type { Context } from '../../command.ts'
import { EXIT } from '../../exit.ts'
import { CliError } from '../../errors.ts'
import { count } from '../../terminal/output.ts'
import { type BackupFlags, makeBackup } from '../backup.ts'
import { compareRestored } from '../compareRestored.ts'
import { findingText, openBackup, verifyBackup } from '../openBackup.ts'
import { createAccount, openRestoredAccount } from '../restoredAccount.ts'
import {
  reportStep,
  type Restoration,
  restoreBlobs,
  restorePreferences,
  restoreRepo,
} from '../restoreSteps.ts'
import { archivedKey, machineKeys, signAccountToken } from '../signingKey.ts'
import { directoryOfLog } from './directoryOfLog.ts'
import { throwAwayServer } from './throwAwayServer.ts'

export interface DrillFlags extends BackupFlags {
  /** Use the backup that is there; make none first. */
  existing: boolean
}

/** did:key of the signing key that the DID named when the backup was made. */
const namedKey = async (archive: Archive): Promise<string | undefined> =>
  (await archive.plcLog())?.head.data?.verificationMethods['atproto'] ??
  parseDidDocument(archive.did, await archive.didDocument()).signingKey

/** The account's key: of the backup, where its passphrase proves itself; otherwise of this machine. */
const findKey = async (
  context: Context,
  archive: Archive,
): Promise<{ key: SigningKey; from: 'backup' | 'machine' }> => {
  const named = await namedKey(archive)
  const inBackup = archive.hasSecrets ? await archivedKey(context, archive) : undefined
  if (inBackup && inBackup.did === named) return { key: inBackup, from: 'backup' }
  for (const key of await machineKeys(context, { did: archive.did, handle: archive.facts.handle ?? '' }))
    if (key.did === named) return { key, from: 'machine' }
  throw new CliError(
    'no-signing-key',
    `the DID names the signing key ${named ?? '(none)'}, and it is neither in the backup nor on this machine: with this backup alone the account could not be restored`,
  )
}

/** Restores into the server, and compares. Returns what differs, as sentences. */
const restoreAndCompare = async (
  server: Context,
  archive: Archive,
  { key, verified }: { key: SigningKey; verified: Awaited<ReturnType<typeof verifyBackup>> },
): Promise<{ differences: string[]; sameCommit: boolean }> => {
  const { facts, intact } = verified
  if (!facts) throw new CliError('bad-backup', 'the repository in the backup does not verify')
  const { admin, here, status } = await openRestoredAccount(server)
  const restoration: Restoration = {
    ...{ context: server, admin, here, archive, facts, intact },
    hasPreferences: true,
    problems: [],
    ours: key.did,
  }
  const owner = await createAccount(server, here, () => signAccountToken(server, here, key))
  reportStep(restoration, 'Account', `${here.handle} created on ${here.origin}, deactivated`)
  await restoreRepo(restoration, owner, status)
  await restoreBlobs(restoration, owner)
  await restorePreferences(restoration, owner)
  return await compareRestored({ admin, owner }, archive, { facts, intact, withPreferences: true })
}

/**
 * `pds backup drill <dir>`: makes the backup, restores it into a server on this machine that is thrown away, and compares
 * the two. Nobody hears of it: the server has a directory of its own, and the account there stays deactivated.
 */
export async function drill(context: Context, dir: string, flags: DrillFlags): Promise<number> {
  const { io, out } = context
  const begun = io.now()
  if (!flags.existing) await makeBackup(context, dir, flags)
  const archive = await openBackup(context, dir)
  const verified = await verifyBackup(context, archive)
  const [finding] = verified.findings
  if (finding) throw new CliError('bad-backup', findingText(finding))
  const { key, from } = await findKey(context, archive)
  const directory = await directoryOfLog(archive)
  try {
    const handle = archive.facts.handle ?? 'drill.test'
    const server = await throwAwayServer(context, { did: archive.did, handle, plcUrl: directory.url })
    try {
      const compared = await restoreAndCompare(server.context, archive, { key, verified })
      return report(context, archive, {
        ...compared,
        from,
        records: verified.facts?.records ?? 0,
        blobs: verified.intact.size,
        ms: io.now() - begun,
      })
    } finally {
      await server.close()
      out.note('The server of the drill is stopped, and what it had is deleted.')
    }
  } finally {
    await directory.close()
  }
}

const report = (
  { out }: Context,
  { folder, facts }: Archive,
  done: {
    differences: string[]
    sameCommit: boolean
    from: 'backup' | 'machine'
    records: number
    blobs: number
    ms: number
  },
): number => {
  const { differences, sameCommit, from, records, blobs, ms } = done
  const all = [
    ...differences,
    ...facts.lostBlobs.map((cid) => `the blob ${cid} was lost before the backup was made`),
  ]
  const ok = all.length === 0
  const text = [
    ok
      ? out.paint('green', `The account comes back from ${folder}, the same in everything:`)
      : out.paint('red', `What comes back from ${folder} is not the same:`),
    `  repository   ${count(records, 'record')}, tree ${facts.data}${sameCommit ? ', the same commit' : ''}`,
    `  blobs        ${count(blobs, 'blob')}, each with its size and type`,
    `  keys         ${from === 'backup' ? 'the passphrase opens them, and the key is the one that the DID names' : 'of this machine: those in the backup were not used'}`,
    `  time         ${Math.round(ms / 1000)} s`,
    ...all.map((difference) => `  ${difference}`),
  ].join('\n')
  out.result(
    {
      ok,
      folder,
      did: facts.did,
      data: facts.data,
      sameCommit,
      records,
      blobs,
      keys: from,
      ms,
      differences: all,
    },
    text,
    ok ? undefined : 'bad-backup',
  )
  return ok ? EXIT.ok : EXIT.problems
}
