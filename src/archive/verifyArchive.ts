import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../client/cid.ts'
import { TokenError } from '../crypto/errors.ts'
import { parseDidDocument } from '../identity/didDocument.ts'
import { isObject } from '../isObject.ts'
import { type ManifestClaims, verifyManifest } from '../signing/manifest.ts'
import { ArchiveError } from './archiveError.ts'
import { type ArchiveIndex, BLOBS_FOLDER, STATE_FILES } from './archiveIndex.ts'
import { isEncrypted } from './archivedSecrets.ts'
import { type CarFacts, carProblem, verifyCarFile } from './carFile.ts'
import { checkFiles, formatSums } from './checkFiles.ts'
import { compareWithManifest } from './compareWithManifest.ts'
import type { Finding } from './finding.ts'
import type { Archive } from './openArchive.ts'
import { sha256File } from './sha256File.ts'
import { parseBlobList, signingKeysOf } from './stateFiles.ts'

/** What was found out about an archive, without any network. */
export interface Verification {
  findings: Finding[]
  /** Files of a backup that did not finish. They do no harm: the next backup goes on with them. */
  leftovers: string[]
  /** The repository; undefined if it does not verify. */
  facts: CarFacts | undefined
  /** Undefined if the manifest is missing, does not verify, or is of another commit. */
  manifest: ManifestClaims | undefined
  /** CIDs of the blobs that the repository refers to and whose files are intact. */
  intact: ReadonlySet<string>
}

export interface VerifyOptions {
  /** Milliseconds since the epoch. */
  now: number
  /** did:keys that may have signed, besides those that the archive itself proves. */
  keys?: readonly string[]
  signal?: AbortSignal
  /** Called with bytes as they are read, and how many there are in all. */
  onProgress?: (done: number, total: number) => void
}

/** Keys that may have signed: for a did:plc those of its log, which nobody but its owner can have written. */
interface Keys {
  repo: string[]
  manifest: string[]
}

const textOf = async (archive: Archive, name: keyof typeof STATE_FILES): Promise<string | undefined> => {
  try {
    return await readFile(archive.file(name), 'utf8')
  } catch (cause) {
    if (isObject(cause) && cause['code'] === 'ENOENT') return undefined
    throw cause
  }
}

/** Verifies the folder of a backup. What is wrong with it is found, not thrown; a folder of `pds export` is verified as far as it can be. */
export async function verifyArchive(archive: Archive, options: VerifyOptions): Promise<Verification> {
  const { folder, index, did } = archive
  const findings: Finding[] = []
  const pathOf = (name: keyof typeof STATE_FILES) =>
    [...(index ? [index.state] : []), STATE_FILES[name]].join('/')
  const found = (name: keyof typeof STATE_FILES, problem: Finding['problem'], detail: string) => {
    const file = pathOf(name)
    // One line a file: a hash that differs says enough.
    if (!findings.some((finding) => finding.file === file)) findings.push({ file, problem, detail })
  }
  /** The value, or undefined and a finding. */
  const orFound = async <T>(
    name: keyof typeof STATE_FILES,
    read: () => Promise<T>,
  ): Promise<T | undefined> => {
    try {
      return await read()
    } catch (cause) {
      if (!(cause instanceof ArchiveError)) throw cause
      found(name, 'wrong', cause.message)
      return undefined
    }
  }

  const total = index?.files.reduce((sum, { size }) => sum + size, 0) ?? 0
  let done = 0
  const onBytes = (count: number) => options.onProgress?.((done += count), total)
  const files = index
    ? await checkFiles(folder, index, { ...options, onBytes })
    : { findings: [], leftovers: [] }
  findings.push(...files.findings)

  const log = await orFound('plcLog', () => archive.plcLog())
  if (did.startsWith('did:plc:') && !log) found('plcLog', 'missing', 'it is missing')
  const document = await orFound('didDocument', () => archive.didDocument())
  const keys = keysOf(archive, log && signingKeysOf(log), document, options.keys ?? [])

  const facts = await verifyCar(archive, keys.repo, options.now, found)
  if (facts && index) compareWithIndex(facts, index, found)
  const manifest = await verifyStatement(archive, keys.manifest, facts, found)
  await orFound('preferences', () => archive.preferences())
  if (index) await checkState(archive, index, found)
  const intact = await checkBlobs(archive, facts, findings, options)
  return { findings, leftovers: files.leftovers, facts, manifest, intact }
}

type Found = (name: keyof typeof STATE_FILES, problem: Finding['problem'], detail: string) => void

const keysOf = (
  { did, index }: Archive,
  logged: string[] | undefined,
  document: unknown,
  given: readonly string[],
): Keys => {
  const own = index ? [index.signingKey] : []
  const named = (() => {
    if (!isObject(document)) return []
    try {
      const { signingKey } = parseDidDocument(did, document)
      return signingKey === undefined ? [] : [signingKey]
    } catch {
      return []
    }
  })()
  const repo = [...given, ...(logged ?? [...named, ...own])]
  return { repo, manifest: [...repo, ...own] }
}

const verifyCar = async (
  archive: Archive,
  signingKey: readonly string[],
  now: number,
  found: Found,
): Promise<CarFacts | undefined> => {
  try {
    return await verifyCarFile(archive.file('repo'), { did: archive.did, signingKey, now })
  } catch (cause) {
    const problem = carProblem(cause)
    if (problem !== undefined) found('repo', 'wrong', `it does not verify: ${problem}`)
    else if (isObject(cause) && cause['code'] === 'ENOENT') found('repo', 'missing', 'it is missing')
    else throw cause
    return undefined
  }
}

const compareWithIndex = (facts: CarFacts, index: ArchiveIndex, found: Found): void => {
  const differs = (['rev', 'data', 'records'] as const).find((name) => facts[name] !== index[name])
  if (facts.root !== index.commit)
    found('repo', 'wrong', `its commit is ${facts.root}, the index says ${index.commit}`)
  else if (differs)
    found('repo', 'wrong', `its ${differs} is ${facts[differs]}, the index says ${index[differs]}`)
}

/** Verifies the signed manifest, and compares it with the repository. */
const verifyStatement = async (
  archive: Archive,
  keys: readonly string[],
  facts: CarFacts | undefined,
  found: Found,
): Promise<ManifestClaims | undefined> => {
  const manifest = (await textOf(archive, 'manifest'))?.trim()
  if (manifest === undefined) {
    found('manifest', 'missing', 'it is missing, so nothing that is signed says that the backup is complete')
    return undefined
  }
  let claims: ManifestClaims | undefined
  let refusal = 'no key is known that may have signed it'
  for (const publicDidKey of keys)
    try {
      claims ??= await verifyManifest(manifest, { publicDidKey, issuer: archive.did })
    } catch (cause) {
      if (!(cause instanceof TokenError)) throw cause
      refusal = cause.message
    }
  if (!claims) {
    found('manifest', 'wrong', `it does not verify: ${refusal}`)
    return undefined
  }
  if (!facts) return undefined
  if (claims.commit !== facts.root) {
    found('manifest', 'wrong', `it is of the commit ${claims.commit}, and repo.car of ${facts.root}`)
    return undefined
  }
  const [contradiction] = compareWithManifest({ claims, facts })
  if (contradiction === undefined) return claims
  found('manifest', 'wrong', `repo.car and manifest.jws contradict each other: ${contradiction}`)
  return undefined
}

/** What an index must name, and what its small files must say. */
const checkState = async (archive: Archive, index: ArchiveIndex, found: Found): Promise<void> => {
  const listed = new Set(index.files.map(({ path }) => path))
  const optional = [...(index.did.startsWith('did:plc:') ? [] : ['plcLog']), ...(index.keys ? [] : ['keys'])]
  for (const [name, file] of Object.entries(STATE_FILES))
    if (!optional.includes(name) && !listed.has(`${index.state}/${file}`))
      found(name as keyof typeof STATE_FILES, 'missing', 'the index does not name it')
  const sums = await textOf(archive, 'sums')
  const summed = index.files.filter(({ path }) => path !== `${index.state}/${STATE_FILES.sums}`)
  if (sums !== undefined && sums !== formatSums(index.state, summed))
    found('sums', 'wrong', 'it and the index contradict each other')
  if (index.keys) {
    const bytes = await readFile(archive.file('keys')).catch(() => undefined)
    if (bytes && !isEncrypted(bytes)) found('keys', 'wrong', 'it is not a file of age')
  }
  const entries = parseBlobList((await textOf(archive, 'blobs')) ?? '')
  const untyped = index.files.filter(({ path, size }) => {
    const [folder, cid = ''] = path.split('/')
    return folder === BLOBS_FOLDER && entries.get(cid)?.size !== size
  })
  if (untyped[0])
    found(
      'blobs',
      'wrong',
      `it does not have ${untyped[0].path} with its size, and ${untyped.length - 1} more`,
    )
}

/** The blobs that the repository refers to: those that are intact. A blob's name is its hash. */
const checkBlobs = async (
  archive: Archive,
  facts: CarFacts | undefined,
  findings: Finding[],
  { signal, onProgress }: VerifyOptions,
): Promise<Set<string>> => {
  const { index, folder } = archive
  const intact = new Set<string>()
  if (!facts) return intact
  const listed = new Map(index?.files.map(({ path, sha256 }) => [path, sha256]))
  const lost = new Set(archive.facts.lostBlobs)
  const bad = new Set(findings.map(({ file }) => file))
  let done = 0
  for (const cid of facts.blobs) {
    signal?.throwIfAborted()
    const file = `${BLOBS_FOLDER}/${cid}`
    const digest = Buffer.from(digestOf(cid)).toString('hex')
    const sha256 = index ? listed.get(file) : (await sha256File(join(folder, file)))?.sha256
    if (!index) onProgress?.(++done, facts.blobs.size)
    if (sha256 === digest && !bad.has(file)) intact.add(cid)
    else if (bad.has(file) || lost.has(cid)) continue
    else if (sha256 === undefined)
      findings.push({
        file,
        problem: 'missing',
        detail: 'a record refers to it, and it is not in the backup',
      })
    else findings.push({ file, problem: 'wrong', detail: 'its bytes are not those of its CID' })
  }
  return intact
}
