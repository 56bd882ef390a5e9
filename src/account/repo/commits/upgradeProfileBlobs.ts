import type { LexMap } from '@atproto/lex-data'
import { blobRefs } from '../../../repo/blobRefs.ts'
import type { Blobs } from '../../blobs/blobs.ts'

const PROFILE = 'app.bsky.actor.profile'

/**
 * A profile whose avatar and banner refer to their blobs in today's form: old profiles have `{cid, mimeType}` there, and
 * clients send back what they found. A reference to a blob that is not stored stays as it is.
 */
export const upgradeProfileBlobs = (record: LexMap, blobs: Pick<Blobs, 'stat'>): LexMap => {
  if (record.$type !== PROFILE) return record
  const upgraded = Object.entries(record).flatMap(([name, value]) => {
    const blob =
      (name === 'avatar' || name === 'banner') && value !== undefined ? blobRefs(value)[0] : undefined
    const stored = blob?.legacy ? blobs.stat(blob.cid.toString()) : undefined
    return blob && stored
      ? [[name, { $type: 'blob', ref: blob.cid, mimeType: stored.mimeType, size: stored.size }] as const]
      : []
  })
  return upgraded.length > 0 ? { ...record, ...Object.fromEntries(upgraded) } : record
}
