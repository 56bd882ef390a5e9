import { openAsBlob } from 'node:fs'
import type { CarFacts } from '../../archive/carFile.ts'
import { type Client, pages } from '../../client/index.ts'
import { sleep } from '../../client/retry.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import type { CopyDeps } from '../../mover/copy/copyDeps.ts'
import { isTooLarge } from '../../mover/copy/sendRepo.ts'
import { uploadRepo } from '../../mover/copy/uploadRepo.ts'
import { MAX_MANIFEST_BYTES } from '../../signing/manifest.ts'
import type { Context } from '../command.ts'
import { orServerError, serverError } from '../servers/serverErrors.ts'
import { bytes } from '../terminal/output.ts'

/** What this server's manifest says about the repository and the blobs that are here. */
export interface ManifestHere {
  commit: unknown
  data: unknown
  collections: unknown
  blobs: unknown
}

export async function manifestHere(admin: Client): Promise<ManifestHere> {
  const { manifest } = await orServerError(admin.com.cirrus.admin.getManifest())
  const { commit, data, collections, blobs } = decodeJws(manifest, MAX_MANIFEST_BYTES).payload
  return { commit, data, collections, blobs }
}

/** Whether a manifest and a CAR are of the same tree, with the same number of records in each collection. */
export const isSameTree = (
  { data, collections }: Pick<ManifestHere, 'data' | 'collections'>,
  facts: Pick<CarFacts, 'data' | 'collections'>,
) =>
  data === facts.data &&
  JSON.stringify(Object.entries(collections ?? {}).toSorted()) ===
    JSON.stringify(Object.entries(facts.collections).toSorted())

/** The servers on both sides, and what is sent. */
export interface RepoToSend {
  readonly owner: Client
  readonly admin: Client
  readonly carFile: string
  readonly facts: Pick<CarFacts, 'data'>
  /** The most bytes that the server takes in one request: a larger repository is sent in parts. */
  readonly maxRequestBytes?: number | undefined
}

/**
 * Sends the repository to this server. Returns false if it was here already. What an interrupted run has sent in parts is
 * not sent again.
 */
export async function sendRepo({ io, out }: Context, options: RepoToSend): Promise<boolean> {
  const { owner, admin, carFile, facts, maxRequestBytes } = options
  if ((await manifestHere(admin)).data === facts.data) return false
  // A Blob that reads from the disk: its length is known, and it can be sent again.
  const body = await openAsBlob(carFile)
  const inParts = async (): Promise<void> => {
    const progress = out.progress('Repository', bytes)
    const deps: CopyDeps = {
      fetch: io.fetch,
      now: io.now,
      signal: io.signal,
      wait: sleep,
      progress: ({ bytes: sent, totalBytes }) => progress.to(sent, totalBytes),
    }
    await uploadRepo(deps, owner, body, { maxRequestBytes })
    progress.to(body.size, body.size)
    progress.end()
  }
  const inOneRequest = () =>
    owner.com.atproto.repo.importRepo({ encoding: 'application/vnd.ipld.car', body }, { signal: io.signal })
  if (body.size > (maxRequestBytes ?? REQUEST_LIMIT_BYTES)) await inParts()
  else
    try {
      await inOneRequest()
    } catch (cause) {
      if (!isTooLarge(cause))
        throw serverError(cause, { InvalidRequest: 'import-refused', '*': 'import-refused' })
      await inParts()
    }
  return true
}

/** CIDs of the blobs that the records here refer to and that are not here. */
export const missingBlobs = async (owner: Client): Promise<Set<string>> => {
  const missing = new Set<string>()
  const list = pages((page) =>
    orServerError(owner.com.atproto.repo.listMissingBlobs({ limit: 1000, ...page })),
  )
  for await (const { blobs } of list) for (const { cid } of blobs) missing.add(cid)
  return missing
}
