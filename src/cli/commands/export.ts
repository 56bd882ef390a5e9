import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { decodeJws } from '../../crypto/jws.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { command, type Context } from '../command.ts'
import { getStatus } from '../servers/status.ts'
import { CliError, EXIT, messageOf } from '../errors.ts'
import { exportBlobList, exportBlobs } from '../export/exportBlobs.ts'
import { compareWithManifest, exportRepo } from '../export/exportRepo.ts'
import { readText, writeAtomically } from '../files/files.ts'
import { keyFileOf } from '../init/keyFiles.ts'
import { bytes, count } from '../terminal/output.ts'
import { plcDirectory } from '../servers/plcDirectory.ts'
import { serverCredentials, signingKeyOf } from '../servers/serverCredentials.ts'

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/**
 * Creates the folder if it does not exist. Throws if it holds the export of another account, which would be
 * overwritten.
 */
const prepareFolder = async (folder: string, did: string): Promise<void> => {
  const manifest = await readText(join(folder, 'manifest.jws')).catch(() => undefined)
  const issuer = (() => {
    try {
      return manifest === undefined ? undefined : decodeJws(manifest.trim(), 2 ** 20).payload['iss']
    } catch {
      return undefined
    }
  })()
  if (typeof issuer === 'string' && issuer !== did)
    throw new CliError('bad-folder', `${folder} holds the export of ${issuer}`)
  try {
    await mkdir(join(folder, 'blobs'), { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CliError('bad-folder', `${folder} cannot be written to: ${messageOf(cause)}`, { cause })
  }
}

/** Writes the DID's log, verified from the genesis on, and returns its head. A did:web has no log: '' is returned. */
const exportIdentity = async (context: Context, folder: string, did: string): Promise<string> => {
  if (!did.startsWith('did:plc:')) return ''
  const log = await plcDirectory(context)
    .log(did)
    .catch((cause: unknown) => {
      throw serverError(cause)
    })
  const entries = log.entries.map(({ raw, cid, nullified, createdAt }) => ({
    did,
    operation: raw,
    cid,
    nullified,
    createdAt: new Date(createdAt).toISOString(),
  }))
  await writeAtomically(join(folder, 'plc-log.json'), json(entries))
  return log.head.cid
}

/** The path of the owner's key file, if it is where `pds init` writes it and holds this signing key. */
const findKeyFile = async (
  context: Context,
  account: { did: string; handle: string },
  signingKey: string,
): Promise<string | undefined> => {
  if (!context.project) return undefined
  const found = await keyFileOf(context.project.root, account)
  return found?.keys.signingKey === signingKey ? found.file : undefined
}

export const exportCommand = command({
  name: 'export',
  summary: 'Back up the account to a folder: repository, blobs, preferences, PLC log, manifest.',
  description:
    'It works before and after deactivation. When it is run again, it fetches only what is missing or has changed. It\n' +
    'verifies what it has written: hashes, signatures, counts. It exits with 3 if something is missing.',
  positionals: [{ name: 'dir', help: 'The folder. It is created if it does not exist.' }],
  async run(context, _, [dir]) {
    const { out, io } = context
    const folder = resolve(io.cwd, dir)
    const server = await context.admin()
    const { did, handle, identity } = await getStatus(server)
    await prepareFolder(folder, did)
    const ours = signingKeyOf(await serverCredentials(server))
    const keys = { ours, named: identity.signingKey }
    const exported = await exportRepo(context, server, { did, file: join(folder, 'repo.car'), keys })
    const { facts, claims, manifest } = exported
    const listed = await exportBlobList(server, join(folder, 'blobs.jsonl'))
    const blobs = await exportBlobs(context, server, {
      did,
      folder: join(folder, 'blobs'),
      needed: facts.blobs,
      listed,
    })
    const preferences = await orServerError(server.app.bsky.actor.getPreferences())
    await writeAtomically(join(folder, 'preferences.json'), json(preferences), 0o600)
    const head = await exportIdentity(context, folder, did)
    await writeAtomically(join(folder, 'manifest.jws'), `${manifest}\n`)

    const problems = [
      ...compareWithManifest(exported),
      ...blobs.lost.map((cid) => `the blob ${cid} is lost: the server does not have it`),
    ]
    if (claims.blobs.count !== blobs.count)
      problems.push(
        `${blobs.count} blobs, the manifest says ${claims.blobs.count} of ${listed.length} listed`,
      )
    else if (claims.blobs.bytes !== blobs.bytes)
      problems.push(`blobs of ${blobs.bytes} bytes, the manifest says ${claims.blobs.bytes}`)
    const ok = problems.length === 0
    const keyFile = await findKeyFile(context, { did, handle }, ours)
    if (!keyFile && !context.globals.dev)
      out.warn(
        'no key file with this server’s signing key was found next to wrangler.toml. Without the keys the account cannot be restored from this export, and a Worker’s secrets cannot be read back.',
      )
    const verdict = ok ? out.paint('green', 'Complete and verified') : out.paint('red', 'Not complete')
    const text = [
      `${verdict}: ${folder}`,
      `  repo.car          ${count(facts.records, 'record')}, rev ${facts.rev}${exported.reused ? ' (was there already)' : ''}`,
      `  blobs/            ${count(blobs.count, 'blob')}, ${bytes(blobs.bytes)}, ${blobs.fetched} fetched now`,
      `  preferences.json  ${count(preferences.preferences.length, 'preference')}`,
      ...(head ? [`  plc-log.json      head ${head}`] : []),
      `  manifest.jws      commit ${claims.commit}`,
      ...(keyFile ? [`  keys              ${keyFile} (not in the export)`] : []),
      ...problems.map((problem) => `  ${problem}`),
    ].join('\n')
    const result = {
      ok,
      did,
      folder,
      rev: facts.rev,
      commit: facts.root,
      records: facts.records,
      blobs,
      head,
      keyBackup: keyFile ?? null,
    }
    out.result(ok ? result : { ...result, problems }, text, ok ? undefined : 'export-incomplete')
    return ok ? EXIT.ok : EXIT.problems
  },
})
