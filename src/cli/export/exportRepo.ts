import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { readAccount } from '../../client/import.ts'
import { type Client, XrpcError } from '../../client/index.ts'
import { TokenError } from '../../crypto/errors.ts'
import { type ManifestClaims, verifyManifest } from '../../signing/manifest.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../../archive/carFile.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, partialFile, resumeWriting } from '../files/files.ts'
import { bodyProgress } from '../files/bodyProgress.ts'
import { limitedBody } from '../files/limitedBody.ts'
import { bytes } from '../terminal/output.ts'

/** The keys that may have signed the repository's commit. The manifest is always signed with the server's. */
export interface CommitKeys {
  /** did:key of the server's signing key. */
  ours: string
  /** did:key of the key that the DID names: a commit that comes from another server may be signed with it. */
  named: string | undefined
}

/** A verified CAR, and a manifest of the same commit. */
export interface ExportedRepo {
  manifest: string
  claims: ManifestClaims
  facts: CarFacts
  /** Whether the CAR of an earlier run was used, and none was fetched. */
  reused: boolean
}

const readManifest = async (server: Client, did: string, { ours }: CommitKeys) => {
  const { manifest } = await orServerError(server.com.cirrus.admin.getManifest())
  try {
    return { manifest, claims: await verifyManifest(manifest, { publicDidKey: ours, issuer: did }) }
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    throw new CliError('export-incomplete', `the manifest does not verify: ${cause.message}`, { cause })
  }
}

const verifyFile = async (context: Context, file: string, did: string, { ours, named }: CommitKeys) =>
  verifyCarFile(file, { did, signingKey: named ? [ours, named] : ours, now: context.io.now() })

/** The CAR of an earlier run, if it is complete and of this commit. */
const earlierExport = async (
  context: Context,
  file: string,
  did: string,
  keys: CommitKeys,
  commit: string,
) => {
  try {
    const facts = await verifyFile(context, file, did, keys)
    return facts.root === commit ? facts : undefined
  } catch (cause) {
    if (isNoSuchFile(cause) || carProblem(cause) !== undefined) return undefined
    throw cause
  }
}

/** How many bytes of this commit's CAR an interrupted run has written. A partial CAR of another commit is deleted. */
const resumeOffset = async (file: string, commit: string): Promise<number> => {
  const partial = partialFile(file)
  try {
    const { size } = await stat(partial)
    const car = await readCar(createReadStream(partial))
    await car.cancel()
    if (String(car.roots[0]) === commit) return size
  } catch (cause) {
    if (!isNoSuchFile(cause) && carProblem(cause) === undefined) throw cause
  }
  await rm(partial, { force: true })
  return 0
}

/** No repository on a Cirrus is larger: a Durable Object's database has at most 10 GB. */
const MAX_REPO_BYTES = 10_000_000_000

const tooLarge = (maxBytes: number): CliError =>
  new CliError(
    'export-too-large',
    `the server sent more than ${bytes(maxBytes)} as the repository; what came was deleted`,
  )

/**
 * Fetches the repository. If the account is still at the commit of an interrupted run, it continues where that stopped.
 */
const download = async (
  context: Context,
  server: Client,
  { did, file, commit, maxBytes }: { did: string; file: string; commit: string; maxBytes: number },
): Promise<void> => {
  const progress = context.out.progress('Repository', bytes)
  const { signal } = context.io
  const resume = (offset: number) =>
    server.com.cirrus.admin.resumeRepo({ did, root: commit, offset }, { signal }).catch((cause: unknown) => {
      if (cause instanceof XrpcError && cause.error === 'SnapshotGone') return undefined
      throw cause
    })
  try {
    let done = await resumeOffset(file, commit)
    const rest = done > 0 ? await resume(done) : undefined
    if (!rest) {
      done = 0
      await rm(partialFile(file), { force: true })
    }
    const { body, length } = rest ?? (await readAccount(server, { did, signal }).repo())
    const limited = limitedBody(body, maxBytes - done, () => tooLarge(maxBytes))
    await resumeWriting(file, bodyProgress(limited, progress, { total: length, done }))
  } catch (cause) {
    if (cause instanceof CliError && cause.code === 'export-too-large')
      await rm(partialFile(file), { force: true })
    throw serverError(cause)
  }
  progress.end()
}

const MAX_ATTEMPTS = 5

/** Fetches repo.car and a manifest of the same commit, verified; tries again if the account changes meanwhile. */
export async function exportRepo(
  context: Context,
  server: Client,
  options: { did: string; file: string; keys: CommitKeys; maxBytes?: number },
): Promise<ExportedRepo> {
  const { did, file, keys, maxBytes = MAX_REPO_BYTES } = options
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await readManifest(server, did, keys)
    const earlier = await earlierExport(context, file, did, keys, before.claims.commit)
    if (earlier) return { ...before, facts: earlier, reused: true }
    await download(context, server, { did, file, commit: before.claims.commit, maxBytes })
    const facts = await verifyFile(context, file, did, keys).catch((cause: unknown) => {
      const problem = carProblem(cause)
      if (problem === undefined) throw cause
      throw new CliError('export-incomplete', `${file} does not verify: ${problem}`, { cause })
    })
    if (facts.root === before.claims.commit) return { ...before, facts, reused: false }
    // The account was written to meanwhile: perhaps the manifest is of the CAR's commit now.
    const after = await readManifest(server, did, keys)
    if (facts.root === after.claims.commit) return { ...after, facts, reused: false }
  }
  throw new CliError('export-changing', `the account was written to during each of ${MAX_ATTEMPTS} attempts`)
}

/** The differences between the CAR and what the manifest says (records by collection, and the tree), as sentences. */
export const compareWithManifest = ({ claims, facts }: Pick<ExportedRepo, 'claims' | 'facts'>): string[] => {
  const names = new Set([...Object.keys(claims.collections), ...Object.keys(facts.collections)])
  const problems = [...names]
    .filter((name) => claims.collections[name] !== facts.collections[name])
    .map(
      (name) =>
        `${name}: ${facts.collections[name] ?? 0} records, the manifest says ${claims.collections[name] ?? 0}`,
    )
  if (claims.data !== facts.data) problems.push(`the tree is ${facts.data}, the manifest says ${claims.data}`)
  return problems
}
