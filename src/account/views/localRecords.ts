import { lexToJson } from '@atproto/lexicon'
import { isObject } from '../../isObject.ts'
import { isTid } from '../../repo/tid.ts'
import type { LoggedWrite, RecentWrites } from '../events/recentWrites.ts'
import { splitPath } from '../repo/recordPath.ts'
import { recordValue, type Records } from '../repo/records.ts'
import type { LocalRecord, LocalRecords } from './view.ts'

const POSTS = 'app.bsky.feed.post/'
export const PROFILE_PATH = 'app.bsky.actor.profile/self'

/** As many as the reference adds. */
const MAX_POSTS = 10

/**
 * Posts that were created, and the profile. A post that was only changed does not count: services show posts as they
 * were created.
 */
export const isPostOrProfile = ({ action, path }: LoggedWrite): boolean =>
  path === PROFILE_PATH || (action === 'create' && path.startsWith(POSTS))

export interface LocalRecordsDeps {
  did: string
  recentWrites: RecentWrites
  records: Pick<Records, 'get'>
}

/** The record under a path as it is now; undefined if it was deleted since. */
export const readLocal = (
  { did, records }: Pick<LocalRecordsDeps, 'did' | 'records'>,
  path: string,
  writtenAt: number,
): LocalRecord | undefined => {
  const { collection, rkey } = splitPath(path)
  const record = records.get(collection, rkey)
  const stored = record && recordValue(record.bytes)
  const value = stored && lexToJson(stored as Parameters<typeof lexToJson>[0])
  if (!isObject(value)) return undefined
  return { uri: `at://${did}/${path}`, cid: String(record?.cid), writtenAt, value }
}

/**
 * The newest posts and the profile, as far as they were written after the revision `rev`, and as they are now. Nothing
 * for what is not a revision.
 */
export const localRecordsSince = (deps: LocalRecordsDeps, rev: string): LocalRecords => {
  const posts: LocalRecord[] = []
  let profile: LocalRecord | undefined
  if (!isTid(rev)) return { posts, profile }
  const seen = new Set<string>()
  for (const { path, time } of deps.recentWrites.since(rev)) {
    const isProfile = path === PROFILE_PATH
    if (seen.has(path) || (!isProfile && posts.length === MAX_POSTS)) continue
    seen.add(path)
    const record = readLocal(deps, path, time)
    if (record && isProfile) profile = record
    else if (record) posts.push(record)
  }
  return { posts, profile }
}
