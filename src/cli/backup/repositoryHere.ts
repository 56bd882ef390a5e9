import { openAsBlob } from 'node:fs'
import type { CarFacts } from '../../archive/carFile.ts'
import { type Client, pages } from '../../client/index.ts'
import { decodeJws } from '../../crypto/jws.ts'
import { REQUEST_LIMIT_BYTES } from '../../limits.ts'
import { MAX_MANIFEST_BYTES } from '../../signing/manifest.ts'
import { CliError } from '../errors.ts'
import { orServerError } from '../servers/serverErrors.ts'
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

/** Sends the repository to this server. Returns false if it was here already. */
export async function sendRepo(
  owner: Client,
  admin: Client,
  carFile: string,
  facts: CarFacts,
): Promise<boolean> {
  if ((await manifestHere(admin)).data === facts.data) return false
  // A Blob that reads from the disk: its length is known, and it can be sent again.
  const body = await openAsBlob(carFile)
  if (body.size > REQUEST_LIMIT_BYTES)
    throw new CliError(
      'import-too-large',
      `the repository has ${bytes(body.size)}; it is sent in one request, which may have ${bytes(REQUEST_LIMIT_BYTES)}. Nothing was changed`,
    )
  await orServerError(owner.com.atproto.repo.importRepo({ encoding: 'application/vnd.ipld.car', body }), {
    InvalidRequest: 'import-refused',
    '*': 'import-refused',
  })
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
