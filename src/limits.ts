/** How large a request may be. */
import type { Limits } from './xrpc/body.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** The platform ends request bodies at 100 MB (Free and Pro plans). */
export const REQUEST_LIMIT = 100 * 1000 * 1000

// 200 writes of a record of at most 1 MB would be more; a commit's blocks may have 2 MB.
const WRITES = 4 * MiB

export const LIMITS: Limits = {
  // Parsed, a body of JSON takes ten times its size and more, and of a sign-in anybody may send as many as
  // he likes: where no data is due, none is taken.
  json: 64 * KiB,
  methods: {
    'app.bsky.actor.putPreferences': WRITES,
    'com.atproto.repo.applyWrites': WRITES,
    'com.atproto.repo.createRecord': WRITES,
    'com.atproto.repo.putRecord': WRITES,
    'com.atproto.repo.importRepo': REQUEST_LIMIT,
    'com.atproto.repo.uploadBlob': REQUEST_LIMIT,
  },
}
