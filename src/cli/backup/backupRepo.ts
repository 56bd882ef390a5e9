import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { readAccount } from '../../client/import.ts'
import { type Client, XrpcError } from '../../client/index.ts'
import { TokenError } from '../../crypto/errors.ts'
import { type ManifestClaims, verifyManifest } from '../../signing/manifest.ts'
import { readCar } from '../../repo/car/readCar.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../../archive/carFile.ts'
import { mergeCars } from '../../archive/mergeCars.ts'
import { CommitError } from '../../repo/commit.ts'
import { WalkError } from '../../repo/tree/treeWalk.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, partialFile, resumeWriting, writeAtomically } from '../files/files.ts'
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
export interface BackedUpRepo {
  manifest: string
  claims: ManifestClaims
  facts: CarFacts
  /** Whether the CAR of an earlier run was used as it is, only what is new was fetched, or all of it. */
  how: 'reused' | 'merged' | 'fetched'
}

const readManifest = async (server: Client, did: string, { ours }: CommitKeys) => {
  const { manifest } = await orServerError(server.com.cirrus.admin.getManifest())
  try {
    return { manifest, claims: await verifyManifest(manifest, { publicDidKey: ours, issuer: did }) }
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    throw new CliError('backup-incomplete', `the manifest does not verify: ${cause.message}`, { cause })
  }
}

const verifyFile = async (context: Context, file: string, did: string, { ours, named }: CommitKeys) =>
  verifyCarFile(file, { did, signingKey: named ? [ours, named] : ours, now: context.io.now() })

/** The CAR that is there, of an earlier run or backup; undefined if it does not verify. */
const readEarlier = async (context: Context, file: string, did: string, keys: CommitKeys) => {
  try {
    return await verifyFile(context, file, did, keys)
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
    'backup-too-large',
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
    if (cause instanceof CliError && cause.code === 'backup-too-large')
      await rm(partialFile(file), { force: true })
    throw serverError(cause)
  }
  progress.end()
}

/**
 * Fetches only what is new since the commit of `earlier`, whose CAR is in `file`, and merges the two. Undefined if that
 * does not give a repository that verifies: then all of it is fetched.
 */
const merge = async (
  context: Context,
  server: Client,
  options: { did: string; file: string; keys: CommitKeys; since: string; maxBytes: number },
): Promise<CarFacts | undefined> => {
  const { did, file, keys, since, maxBytes } = options
  const { signal } = context.io
  const newer = `${file}.since.part`
  try {
    const { body } = await readAccount(server, { did, signal }).repo(since)
    await writeAtomically(
      newer,
      limitedBody(body, maxBytes, () => tooLarge(maxBytes)),
    )
    await writeAtomically(file, mergeCars(newer, file))
    return await verifyFile(context, file, did, keys)
  } catch (cause) {
    const isRefusal = cause instanceof XrpcError && cause.status >= 400 && cause.status < 500
    const isNoRepository =
      cause instanceof WalkError || cause instanceof CommitError || carProblem(cause) !== undefined
    if (isRefusal || isNoRepository) return undefined
    throw serverError(cause)
  } finally {
    await rm(newer, { force: true })
  }
}

const MAX_ATTEMPTS = 5

/** Fetches repo.car and a manifest of the same commit, verified; tries again if the account changes meanwhile. */
export async function backupRepo(
  context: Context,
  server: Client,
  options: { did: string; file: string; keys: CommitKeys; maxBytes?: number },
): Promise<BackedUpRepo> {
  const { did, file, keys, maxBytes = MAX_REPO_BYTES } = options
  let earlier = await readEarlier(context, file, did, keys)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await readManifest(server, did, keys)
    if (earlier?.root === before.claims.commit) return { ...before, facts: earlier, how: 'reused' }
    const isBegun = (await resumeOffset(file, before.claims.commit)) > 0
    const merged =
      earlier && !isBegun
        ? await merge(context, server, { did, file, keys, since: earlier.rev, maxBytes })
        : undefined
    if (!merged) await download(context, server, { did, file, commit: before.claims.commit, maxBytes })
    const facts =
      merged ??
      (await verifyFile(context, file, did, keys).catch((cause: unknown) => {
        const problem = carProblem(cause)
        if (problem === undefined) throw cause
        throw new CliError('backup-incomplete', `${file} does not verify: ${problem}`, { cause })
      }))
    const how = merged ? 'merged' : 'fetched'
    if (facts.root === before.claims.commit) return { ...before, facts, how }
    // The account was written to meanwhile: perhaps the manifest is of the CAR's commit now.
    const after = await readManifest(server, did, keys)
    if (facts.root === after.claims.commit) return { ...after, facts, how }
    earlier = facts
  }
  throw new CliError('backup-changing', `the account was written to during each of ${MAX_ATTEMPTS} attempts`)
}
