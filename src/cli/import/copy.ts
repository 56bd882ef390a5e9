/** Repository, blobs, preferences: read from the source, written here. Each may be done again. */
import { openAsBlob } from 'node:fs'
import { readAccount } from '../../client/import.ts'
import { type Client, pages, XrpcError } from '../../client/index.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { REQUEST_LIMIT } from '../../limits.ts'
import { docsPath } from '../../docsLink.ts'
import { orServerError } from '../serverErrors.ts'
import { type CarFacts, carProblem, verifyCarFile } from '../carFile.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { isMissing, writeWhole } from '../files.ts'
import { bytes } from '../output.ts'
import { sourceError, type Source } from './source.ts'
import type { Here } from './account.ts'

const verify = (context: Context, here: Here, signingKey: string) =>
  verifyCarFile(here.resume.carFile, { did: here.did, signingKey, now: context.io.now() })

/** The source's repository as it is now, on disk and verified. */
export async function fetchRepo(
  context: Context,
  source: Source,
  here: Here,
  signingKey: string,
): Promise<CarFacts> {
  const { signal } = context.io
  const latest = await source.orError(source.client.com.atproto.sync.getLatestCommit({ did: here.did }))
  try {
    const facts = await verify(context, here, signingKey)
    if (facts.root === latest.cid) return facts
  } catch (cause) {
    if (!isMissing(cause) && carProblem(cause) === undefined) throw cause
  }
  const progress = context.out.progress('Repository', bytes)
  try {
    const { body, length } = await readAccount(source.client, { did: here.did, signal }).repo()
    let done = 0
    const counted = async function* () {
      for await (const chunk of body) {
        progress.to((done += chunk.byteLength), length)
        yield chunk
      }
    }
    await writeWhole(here.resume.carFile, counted(), 0o600)
    progress.end()
    return await verify(context, here, signingKey)
  } catch (cause) {
    const problem = carProblem(cause)
    if (problem !== undefined)
      throw new CliError(
        'source-refused',
        `the repository that the source gave does not verify: ${problem}`,
        { cause, docs: docsPath('repository-refused') },
      )
    throw sourceError(cause)
  }
}

/** The tree of the repository that is here. */
export async function ourTree(
  admin: Client,
): Promise<{ data: unknown; collections: unknown; blobs: unknown }> {
  const { manifest } = await orServerError(admin.com.cirrus.admin.getManifest())
  const { data, collections, blobs } = decodeJws(manifest, 2 ** 20).payload
  return { data, collections, blobs }
}

type Tree = Pick<CarFacts, 'data' | 'collections'>

/** The same tree, and the same number of records in each collection. */
export const isSameTree = ({ data, collections }: { data: unknown; collections: unknown }, facts: Tree) =>
  data === facts.data &&
  JSON.stringify(Object.entries(collections ?? {}).toSorted()) ===
    JSON.stringify(Object.entries(facts.collections).toSorted())

/** Gives whether anything had to be sent. */
export async function sendRepo(
  owner: Client,
  admin: Client,
  carFile: string,
  facts: CarFacts,
): Promise<boolean> {
  if ((await ourTree(admin)).data === facts.data) return false
  // A Blob on disk: its length is known, and it can be sent again.
  const body = await openAsBlob(carFile)
  if (body.size > REQUEST_LIMIT)
    throw new CliError(
      'import-too-large',
      `the repository has ${bytes(body.size)}; it comes in by one request, which may have ${bytes(REQUEST_LIMIT)}. Nothing was changed`,
    )
  await orServerError(owner.com.atproto.repo.importRepo({ encoding: 'application/vnd.ipld.car', body }), {
    InvalidRequest: 'import-refused',
    '*': 'import-refused',
  })
  return true
}

/** CIDs of the blobs that records here refer to and that are not here. */
export const missingBlobs = async (owner: Client): Promise<Set<string>> => {
  const missing = new Set<string>()
  const list = pages((page) =>
    orServerError(owner.com.atproto.repo.listMissingBlobs({ limit: 1000, ...page })),
  )
  for await (const { blobs } of list) for (const { cid } of blobs) missing.add(cid)
  return missing
}

const PARALLEL_BLOBS = 3

/** Copies what is missing here; gives how many were copied, and which the source does not have either. */
export async function copyBlobs(context: Context, source: Source, owner: Client, here: Here) {
  const missing = await missingBlobs(owner)
  const total = missing.size
  const lost: string[] = []
  let copied = 0
  if (total === 0) return { copied, lost }
  const progress = context.out.progress('Blobs', (n) => n.toLocaleString('en-US'))
  const reader = readAccount(source.client, {
    did: here.did,
    have: (cid) => !missing.has(cid),
    missing: (cid) => void lost.push(cid),
    signal: context.io.signal,
  }).blobs()
  const worker = async () => {
    for (let next = await reader.next(); !next.done; next = await reader.next()) {
      const { cid, mimeType, size, body } = next.value
      const upload = { encoding: mimeType, body, ...(size === undefined ? {} : { length: size }) }
      const { blob } = await orServerError(owner.com.atproto.repo.uploadBlob(upload))
      if (blob.ref.$link !== cid)
        throw new CliError('copy-incomplete', `the source gave other bytes for the blob ${cid}`)
      progress.to(++copied, total)
    }
  }
  try {
    await Promise.all(Array.from({ length: PARALLEL_BLOBS }, worker))
  } catch (cause) {
    throw sourceError(cause)
  }
  progress.end()
  return { copied, lost: [...(await missingBlobs(owner))] }
}

/** Gives how many, or undefined where the source knows no preferences. */
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
