import { lexToJson } from '@atproto/lexicon'
import { isObject } from '../../isObject.ts'
import { isTid } from '../../repo/tid.ts'
import { writtenSince } from '../events/writtenSince.ts'
import type { Sql } from '../db/sql.ts'
import { splitPath } from '../repo/recordPath.ts'
import { recordValue, type Records } from '../repo/records.ts'
import type { LocalRecord, LocalRecords } from './view.ts'

const POSTS = 'app.bsky.feed.post/'
export const PROFILE_PATH = 'app.bsky.actor.profile/self'

/** As many as the reference adds. */
const MAX_POSTS = 10

export interface LocalRecordsDeps {
  did: string
  sql: Sql
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
  const value = record && lexToJson(recordValue(record.bytes) as Parameters<typeof lexToJson>[0])
  if (!isObject(value)) return undefined
  return { uri: `at://${did}/${path}`, cid: String(record?.cid), writtenAt, value }
}

/**
 * The newest posts and the profile, as far as they were written after the revision `rev`. A post that was changed since
 * it was created counts as it is now, and one that was only changed does not count: services show posts as they were
 * created. Nothing for what is not a revision.
 */
export const localRecordsSince = (deps: LocalRecordsDeps, rev: string): LocalRecords => {
  const posts: LocalRecord[] = []
  let profile: LocalRecord | undefined
  if (!isTid(rev)) return { posts, profile }
  const seen = new Set<string>()
  for (const { action, path, time } of writtenSince(deps.sql, rev)) {
    const isPost = path.startsWith(POSTS) && action === 'create' && posts.length < MAX_POSTS
    const isProfile = path === PROFILE_PATH
    if (seen.has(path) || !(isPost || isProfile)) continue
    seen.add(path)
    const record = readLocal(deps, path, time)
    if (record && isPost) posts.push(record)
    if (record && isProfile) profile = record
  }
  return { posts, profile }
}
