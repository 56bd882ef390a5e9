/** repo.car and the manifest that states the same commit. */
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { readAccount } from '../../client/import.ts'
import { type Client, XrpcError } from '../../client/index.ts'
import { TokenError } from '../../crypto/errors.ts'
import { type ManifestClaims, verifyManifest } from '../../signing/manifest.ts'
import { readCar } from '../../repo/readCar.ts'
import { orServerError, serverError } from '../serverErrors.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../carFile.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isMissing, partialFile, resumeWriting } from '../files.ts'
import { bytes } from '../output.ts'

export interface Keys {
  /** did:key of the key that signs here now. */
  ours: string
  /** And of the one that the DID names: a commit that came from elsewhere may bear it. */
  named: string | undefined
}

export interface Exported {
  manifest: string
  claims: ManifestClaims
  facts: CarFacts
  kept: boolean
}

const readManifest = async (server: Client, did: string, { ours }: Keys) => {
  const { manifest } = await orServerError(server.com.cirrus.admin.getManifest())
  try {
    return { manifest, claims: await verifyManifest(manifest, { publicDidKey: ours, issuer: did }) }
  } catch (cause) {
    if (!(cause instanceof TokenError)) throw cause
    throw new CliError('export-incomplete', `the manifest does not verify: ${cause.message}`, { cause })
  }
}

const verifyFile = async (context: Context, file: string, did: string, { ours, named }: Keys) =>
  verifyCarFile(file, { did, signingKey: named ? [ours, named] : ours, now: context.io.now() })

/** The CAR that is there already, if it is whole and of this commit. */
const earlierExport = async (context: Context, file: string, did: string, keys: Keys, commit: string) => {
  try {
    const facts = await verifyFile(context, file, did, keys)
    return facts.root === commit ? facts : undefined
  } catch (cause) {
    if (isMissing(cause) || carProblem(cause) !== undefined) return undefined
    throw cause
  }
}

/** How much of this commit's CAR an earlier run got before it broke off. What is of another commit goes. */
const resumeOffset = async (file: string, commit: string): Promise<number> => {
  const part = partialFile(file)
  try {
    const { size } = await stat(part)
    const car = await readCar(createReadStream(part))
    await car.cancel()
    if (String(car.roots[0]) === commit) return size
  } catch (cause) {
    if (!isMissing(cause) && carProblem(cause) === undefined) throw cause
  }
  await rm(part, { force: true })
  return 0
}

/** Fetches the repository, from the byte on where an earlier run stopped if the account is still at that commit. */
const download = async (
  context: Context,
  server: Client,
  { did, file, commit }: { did: string; file: string; commit: string },
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
    await resumeWriting(
      file,
      (async function* () {
        for await (const chunk of body) {
          progress.to((done += chunk.byteLength), length)
          yield chunk
        }
      })(),
    )
  } catch (cause) {
    throw serverError(cause)
  }
  progress.end()
}

const MAX_ATTEMPTS = 5

/** Fetches until the CAR and the manifest are of one commit. */
export async function exportRepo(
  context: Context,
  server: Client,
  options: { did: string; file: string; keys: Keys },
): Promise<Exported> {
  const { did, file, keys } = options
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await readManifest(server, did, keys)
    const kept = await earlierExport(context, file, did, keys, before.claims.commit)
    if (kept) return { ...before, facts: kept, kept: true }
    await download(context, server, { did, file, commit: before.claims.commit })
    const facts = await verifyFile(context, file, did, keys).catch((cause: unknown) => {
      const problem = carProblem(cause)
      if (problem === undefined) throw cause
      throw new CliError('export-incomplete', `${file} does not verify: ${problem}`, { cause })
    })
    if (facts.root === before.claims.commit) return { ...before, facts, kept: false }
    // A write came in between: perhaps the manifest is of this commit now.
    const after = await readManifest(server, did, keys)
    if (facts.root === after.claims.commit) return { ...after, facts, kept: false }
  }
  throw new CliError('export-changing', `the account was written to during each of ${MAX_ATTEMPTS} attempts`)
}

/** What the CAR has and the manifest does not say, or the other way round. */
export const compareCounts = ({ claims, facts }: Pick<Exported, 'claims' | 'facts'>): string[] => {
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
