import type { ArchivedBlob, Archive } from '../../archive/openArchive.ts'
import type { CarFacts } from '../../archive/carFile.ts'
import { type Client, pages } from '../../client/index.ts'
import { canonicalJson } from '../../canonicalJson.ts'
import { isObject } from '../../isObject.ts'
import { orServerError } from '../servers/serverErrors.ts'
import { isSameTree, manifestHere } from './repositoryHere.ts'

/** What a server has, beside what the backup has. */
export interface Comparison {
  /** Whether the commit is the very same. It is signed again when the account is activated. */
  sameCommit: boolean
  /** What differs, as sentences: empty if nothing does. */
  differences: string[]
}

/** What a server derives from a preference that is there. */
const DERIVED = 'app.bsky.actor.defs#declaredAgePref'

const preferencesOf = (list: readonly unknown[]): string =>
  canonicalJson(list.filter((entry) => !isObject(entry) || entry['$type'] !== DERIVED))

const compareBlobs = async (
  admin: Client,
  archived: ReadonlyMap<string, ArchivedBlob>,
): Promise<string[]> => {
  const differences: string[] = []
  const left = new Map(archived)
  for await (const { blobs } of pages((page) =>
    orServerError(admin.com.cirrus.admin.listBlobs({ limit: 1000, ...page })),
  ))
    for (const { cid, size, mimeType } of blobs) {
      const expected = left.get(cid)
      left.delete(cid)
      if (!expected) differences.push(`the blob ${cid} is here, and not in the backup`)
      else if (size !== expected.size)
        differences.push(`the blob ${cid} has ${size} bytes here, and ${expected.size} in the backup`)
      else if (mimeType !== expected.mimeType)
        differences.push(`the blob ${cid} is ${mimeType} here, and ${expected.mimeType} in the backup`)
    }
  for (const cid of left.keys()) differences.push(`the blob ${cid} is in the backup, and not here`)
  return differences
}

/**
 * Compares what a server has with a backup: the tree and its records, every blob with size and type, the preferences.
 * `intact` are the blobs of the backup that could be restored, `owner` reads the preferences.
 */
export async function compareRestored(
  { admin, owner }: { admin: Client; owner: Client },
  archive: Archive,
  {
    facts,
    intact,
    withPreferences,
  }: { facts: CarFacts; intact: ReadonlySet<string>; withPreferences: boolean },
): Promise<Comparison> {
  const differences: string[] = []
  const here = await manifestHere(admin)
  if (!isSameTree(here, facts))
    differences.push(`the tree is ${String(here.data)} here, and ${facts.data} in the backup`)
  const archived = new Map<string, ArchivedBlob>()
  for await (const blob of archive.blobs()) if (intact.has(blob.cid)) archived.set(blob.cid, blob)
  differences.push(...(await compareBlobs(admin, archived)))
  const expected = withPreferences ? await archive.preferences() : undefined
  if (expected) {
    const { preferences } = await orServerError(owner.app.bsky.actor.getPreferences())
    if (preferencesOf(preferences) !== preferencesOf(expected))
      differences.push('the preferences here are not those of the backup')
  }
  return { sameCommit: here.commit === facts.root, differences }
}
