import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { decodeJws } from '../../crypto/jws.ts'
import { outbound } from '../../outbound.ts'
import { createDirectory } from '../../plc/directory.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import { command, type Context } from '../command.ts'
import { CliError, EXIT } from '../errors.ts'
import { exportBlobList, exportBlobs } from '../export/blobs.ts'
import { compareCounts, exportRepo } from '../export/repo.ts'
import { readText, writeWhole } from '../files.ts'
import { keyFileName, readKeyFile } from '../init/keyFiles.ts'
import { bytes, count } from '../output.ts'
import type { Client } from '../../client/index.ts'

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Another account's export is not written over. */
const openFolder = async (folder: string, did: string): Promise<void> => {
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
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('bad-folder', `${folder} cannot be written: ${reason}`, { cause })
  }
}

/** The directory's log, verified from the genesis on. A did:web has its document instead. */
const exportIdentity = async (context: Context, folder: string, did: string): Promise<string> => {
  const { dev, plcUrl } = context.where()
  const send = outbound({ fetch: context.io.fetch }, { dev })
  if (!did.startsWith('did:plc:')) return ''
  const log = await createDirectory(send, plcUrl)
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
  await writeWhole(join(folder, 'plc-log.json'), json(entries))
  return log.head.cid
}

/** Whether the owner's key file is where `pds init` writes it and is about this key. */
const keyBackup = async (
  context: Context,
  handle: string,
  signingKey: string,
): Promise<string | undefined> => {
  if (!context.project) return undefined
  const file = keyFileName(context.project.root, handle)
  const keys = await readKeyFile(file)
  return keys?.signingKey === signingKey ? file : undefined
}

const keysOf = async (server: Client, named: string | undefined) => {
  const { verificationMethods = {} } = await orServerError(
    server.com.atproto.identity.getRecommendedDidCredentials(),
  )
  const ours: unknown = Object.entries(verificationMethods).find(([id]) => id === 'atproto')?.[1]
  if (typeof ours !== 'string') throw new CliError('not-cirrus', 'the server does not name its signing key')
  return { ours, named }
}

export const exportCommand = command({
  name: 'export',
  summary: 'Back the account up into a folder: repository, blobs, preferences, PLC log, manifest.',
  description:
    'Works before and after deactivation. Run again it fetches only what is missing or has changed; what it wrote is\n' +
    'verified: hashes, signatures, counts. Exits with 3 if something is missing.',
  positionals: [{ name: 'dir', help: 'The folder; made if it is not there.' }],
  async run(context, _, [dir]) {
    const { out, io } = context
    const folder = resolve(io.cwd, dir)
    const server = await context.admin()
    const { did, handle, identity } = await orServerError(server.com.cirrus.admin.getStatus())
    await openFolder(folder, did)
    const keys = await keysOf(server, identity.signingKey)
    const exported = await exportRepo(context, server, { did, file: join(folder, 'repo.car'), keys })
    const { facts, claims, manifest } = exported
    const listed = await exportBlobList(server, join(folder, 'blobs.jsonl'))
    const blobs = await exportBlobs(context, server, {
      did,
      folder: join(folder, 'blobs'),
      needed: facts.blobs,
    })
    const preferences = await orServerError(server.app.bsky.actor.getPreferences())
    await writeWhole(join(folder, 'preferences.json'), json(preferences), 0o600)
    const head = await exportIdentity(context, folder, did)
    await writeWhole(join(folder, 'manifest.jws'), `${manifest}\n`)

    const problems = [
      ...compareCounts(exported),
      ...blobs.lost.map((cid) => `the blob ${cid} is lost: the server does not have it`),
    ]
    if (claims.blobs.count !== blobs.count)
      problems.push(
        `${blobs.count} blobs, the manifest says ${claims.blobs.count} of ${listed.length} listed`,
      )
    else if (claims.blobs.bytes !== blobs.bytes)
      problems.push(`blobs of ${blobs.bytes} bytes, the manifest says ${claims.blobs.bytes}`)
    const ok = problems.length === 0
    const backup = await keyBackup(context, handle, keys.ours)
    if (!backup && !context.globals.dev)
      out.warn(
        'no key backup for this server’s signing key was found beside wrangler.toml. Without the keys this export cannot become the account again; a Worker’s secrets cannot be read back.',
      )
    const verdict = ok ? out.paint('green', 'Complete and verified') : out.paint('red', 'Not complete')
    const text = [
      `${verdict}: ${folder}`,
      `  repo.car          ${count(facts.records, 'record')}, rev ${facts.rev}${exported.kept ? ' (was there already)' : ''}`,
      `  blobs/            ${count(blobs.count, 'blob')}, ${bytes(blobs.bytes)}, ${blobs.fetched} fetched now`,
      `  preferences.json  ${count(preferences.preferences.length, 'preference')}`,
      ...(head ? [`  plc-log.json      head ${head}`] : []),
      `  manifest.jws      commit ${claims.commit}`,
      ...(backup ? [`  keys              ${backup} (not in the export)`] : []),
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
      keyBackup: backup ?? null,
    }
    out.result(ok ? result : { ...result, problems }, text, ok ? undefined : 'export-incomplete')
    return ok ? EXIT.ok : EXIT.problems
  },
})
