import { statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { Output as MethodOutput } from '../../client/index.ts'
import { TokenError } from '../../crypto/errors.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { isObject } from '../../isObject.ts'
import { type ManifestClaims, MAX_MANIFEST_BYTES, verifyManifest } from '../../signing/manifest.ts'
import { type BlobStore, blobStore } from '../files/blobStore.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../../archive/carFile.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { compareWithManifest } from '../export/exportRepo.ts'
import { isNoSuchFile, readText } from '../files/files.ts'

type Preferences = MethodOutput<'app.bsky.actor.getPreferences'>['preferences']

/** A folder that `pds export` wrote, verified. */
export interface Backup {
  readonly folder: string
  readonly carFile: string
  readonly facts: CarFacts
  /** Undefined if the manifest is missing or is of another commit, as after an export that did not finish. */
  readonly manifest: ManifestClaims | undefined
  readonly preferences: Preferences | undefined
  readonly store: BlobStore
  /** CIDs of the blobs of the repository whose files are in the folder and have the right hash. */
  readonly intact: ReadonlySet<string>
  /** By CID: the MIME type that the blob had on the exported server. */
  readonly mimeTypes: ReadonlyMap<string, string>
  /** How the folder differs from that of a complete export. None of it casts doubt on what is there. */
  readonly problems: readonly string[]
}

/** The folder that `--from` names, or undefined if it names a host: a host name has no slash, a URL has a scheme. */
export function folderOf(cwd: string, from: string): string | undefined {
  if (from.includes('://')) return undefined
  const folder = resolve(cwd, from)
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false
  return isFolder || from.includes('/') || from.includes(sep) ? folder : undefined
}

const badBackup = (message: string, cause?: unknown): CliError =>
  new CliError('bad-backup', message, { cause })

const readManifest = async (folder: string, did: string, keys: readonly string[]) => {
  const file = join(folder, 'manifest.jws')
  const manifest = (await readText(file))?.trim()
  if (manifest === undefined) return undefined
  const refusals: string[] = []
  try {
    const { iss } = decodeJws(manifest, MAX_MANIFEST_BYTES).payload
    if (iss !== did)
      throw new CliError(
        'wrong-account',
        `${folder} is the backup of ${String(iss)}, this server is for ${did}`,
      )
    for (const publicDidKey of keys)
      try {
        return await verifyManifest(manifest, { publicDidKey, issuer: did })
      } catch (cause) {
        if (!(cause instanceof TokenError)) throw cause
        refusals.push(cause.message)
      }
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    refusals.push(cause.message)
  }
  throw badBackup(`${file} does not verify: ${refusals.at(-1) ?? 'no key'}`)
}

const verifyBackupCar = async (context: Context, carFile: string, did: string, keys: readonly string[]) => {
  try {
    return await verifyCarFile(carFile, { did, signingKey: keys, now: context.io.now() })
  } catch (cause) {
    if (isNoSuchFile(cause)) throw badBackup(`there is no ${carFile}`, cause)
    const problem = carProblem(cause)
    throw problem === undefined ? cause : badBackup(`${carFile} does not verify: ${problem}`, cause)
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const readMimeTypes = async (folder: string): Promise<Map<string, string> | undefined> => {
  const text = await readText(join(folder, 'blobs.jsonl'))
  if (text === undefined) return undefined
  const types = new Map<string, string>()
  for (const line of text.split('\n')) {
    const entry = parseJson(line)
    if (!isObject(entry)) continue
    const { cid, mimeType } = entry
    // The type is sent as a header: only printable ASCII.
    if (typeof cid === 'string' && typeof mimeType === 'string' && /^[\x20-\x7e]{1,255}$/.test(mimeType))
      types.set(cid, mimeType)
  }
  return types
}

const isPreferences = (value: unknown): value is Preferences =>
  Array.isArray(value) && value.every((entry) => isObject(entry) && typeof entry['$type'] === 'string')

const readPreferences = async (folder: string): Promise<Preferences | undefined> => {
  const file = join(folder, 'preferences.json')
  const text = await readText(file)
  if (text === undefined) return undefined
  const found = parseJson(text)
  const preferences = isObject(found) ? found['preferences'] : undefined
  if (!isPreferences(preferences)) throw badBackup(`${file} is not what \`pds export\` writes`)
  return preferences
}

const findIntactBlobs = async (context: Context, store: BlobStore, needed: ReadonlySet<string>) => {
  const intact = new Set<string>()
  if (needed.size === 0) return intact
  const progress = context.out.progress('Checking blobs')
  let done = 0
  for (const cid of needed) {
    context.io.signal.throwIfAborted()
    if ((await store.storedSize(cid)) !== undefined) intact.add(cid)
    progress.to(++done, needed.size)
  }
  progress.end()
  return intact
}

/**
 * Reads and verifies the folder, before anything of it is sent. `keys` are the did:keys that may have signed the
 * manifest and the commit.
 */
export async function readBackup(
  context: Context,
  folder: string,
  { did, keys }: { did: string; keys: readonly string[] },
): Promise<Backup> {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw badBackup(`there is no folder ${folder}`)
  const claims = await readManifest(folder, did, keys)
  const carFile = join(folder, 'repo.car')
  const facts = await verifyBackupCar(context, carFile, did, keys)
  // An export writes its manifest last: an interrupted one leaves the manifest of the export before it.
  const isOfThisCommit = claims?.commit === facts.root
  if (claims && isOfThisCommit) {
    const [contradiction] = compareWithManifest({ claims, facts })
    if (contradiction) throw badBackup(`repo.car and manifest.jws contradict each other: ${contradiction}`)
  }
  const store = blobStore(join(folder, 'blobs'))
  const intact = await findIntactBlobs(context, store, facts.blobs)
  const types = await readMimeTypes(folder)
  const preferences = await readPreferences(folder)
  const missing = [...facts.blobs].filter((cid) => !intact.has(cid))
  const problems = [
    ...(claims ? [] : ['manifest.jws is missing, so nothing proves that the backup is complete']),
    ...(claims && !isOfThisCommit
      ? [`manifest.jws is of the commit ${claims.commit}, repo.car of ${facts.root}`]
      : []),
    ...(types ? [] : ['blobs.jsonl is missing: the types of the blobs are not known']),
    ...(preferences ? [] : ['preferences.json is missing']),
    ...missing.map((cid) => `the blob ${cid} is missing or damaged`),
  ]
  return {
    folder,
    carFile,
    facts,
    manifest: isOfThisCommit ? claims : undefined,
    preferences,
    store,
    intact,
    mimeTypes: types ?? new Map<string, string>(),
    problems,
  }
}
