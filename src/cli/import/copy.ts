import { readAccount } from '../../client/import.ts'
import { type Client, XrpcError } from '../../client/index.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { docsPath } from '../../docsLink.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../../archive/carFile.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isNoSuchFile, writeAtomically } from '../files/files.ts'
import { bodyProgress } from '../files/bodyProgress.ts'
import { limitedBody } from '../files/limitedBody.ts'
import { bytes } from '../terminal/output.ts'
import { parallel } from '../../parallel.ts'
import { missingBlobs } from '../backup/repositoryHere.ts'
import { sourceError, type Source } from './source.ts'
import type { LocalAccount } from './localAccount.ts'

const tooLarge = (size: string): CliError =>
  new CliError(
    'import-too-large',
    `the repository has ${size}; it is sent in one request, which may have ${bytes(REQUEST_LIMIT_BYTES)}. Nothing was changed`,
  )

const verify = (context: Context, here: LocalAccount, signingKey: string) =>
  verifyCarFile(here.resume.carFile, { did: here.did, signingKey, now: context.io.now() })

/**
 * Fetches the source's repository, as it is now, to the disk and verifies it. A CAR of the same commit is not fetched
 * again.
 */
export async function fetchRepo(
  context: Context,
  source: Source,
  here: LocalAccount,
  signingKey: string,
): Promise<CarFacts> {
  const { signal } = context.io
  const latest = await source.orError(source.client.com.atproto.sync.getLatestCommit({ did: here.did }))
  try {
    const facts = await verify(context, here, signingKey)
    if (facts.root === latest.cid) return facts
  } catch (cause) {
    if (!isNoSuchFile(cause) && carProblem(cause) === undefined) throw cause
  }
  const progress = context.out.progress('Repository', bytes)
  try {
    const { body, length } = await readAccount(source.client, { did: here.did, signal }).repo()
    // What cannot be imported is not written to the disk either.
    const limited = limitedBody(body, REQUEST_LIMIT_BYTES, () =>
      tooLarge(`more than ${bytes(REQUEST_LIMIT_BYTES)}`),
    )
    await writeAtomically(here.resume.carFile, bodyProgress(limited, progress, { total: length }), 0o600)
    progress.end()
    return await verify(context, here, signingKey)
  } catch (cause) {
    const problem = carProblem(cause)
    if (problem !== undefined)
      throw new CliError(
        'source-refused',
        `the repository that the source sent does not verify: ${problem}`,
        { cause, docs: docsPath('repository-refused') },
      )
    throw sourceError(cause)
  }
}

const PARALLEL_BLOBS = 3

/** Copies the blobs that are missing here. Returns how many it copied, and which are missing on the source too. */
export async function copyBlobs(context: Context, source: Source, owner: Client, here: LocalAccount) {
  const missing = await missingBlobs(owner)
  const total = missing.size
  let copied = 0
  if (total === 0) return { copied, lost: [] }
  const progress = context.out.progress('Blobs')
  const reader = readAccount(source.client, {
    did: here.did,
    have: (cid) => !missing.has(cid),
    // A blob that the source lost does not end the copy; it is still missing here afterwards.
    missing: () => {},
    signal: context.io.signal,
  }).blobs()
  try {
    await parallel(reader, PARALLEL_BLOBS, async ({ cid, mimeType, size, body }) => {
      const upload = { encoding: mimeType, body, ...(size === undefined ? {} : { length: size }) }
      const { blob } = await orServerError(owner.com.atproto.repo.uploadBlob(upload))
      if (blob.ref.$link !== cid)
        throw new CliError('copy-incomplete', `the source sent other bytes for the blob ${cid}`)
      progress.to(++copied, total)
    })
  } catch (cause) {
    throw sourceError(cause)
  }
  progress.end()
  return { copied, lost: [...(await missingBlobs(owner))] }
}

/** Copies the preferences. Returns how many there are, or undefined if the source does not support them. */
export async function copyPreferences(source: Source, owner: Client): Promise<number | undefined> {
  try {
    const { preferences } = await source.client.app.bsky.actor.getPreferences()
    await orServerError(owner.app.bsky.actor.putPreferences({ preferences }))
    return preferences.length
  } catch (cause) {
    if (cause instanceof XrpcError && cause.error === 'MethodNotImplemented') return undefined
    throw sourceError(cause)
  }
}
