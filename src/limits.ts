import type { BodyLimits, BodyTimes } from './xrpc/body.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** The platform refuses request bodies of more than 100 MB (Free and Pro plans). */
export const REQUEST_LIMIT_BYTES = 100 * 1000 * 1000

// 200 writes of a record of at most 1 MB each would be more, but the blocks of a commit may have at most 2 MB.
const WRITES_LIMIT_BYTES = 4 * MiB

/** How large the body of a request may be, in bytes. */
export const LIMITS: BodyLimits = {
  // Parsed, a JSON body takes ten times its size and more, and anybody may send any number of sign-ins: a method that
  // takes no data has a small limit.
  json: 64 * KiB,
  methods: {
    'app.bsky.actor.putPreferences': WRITES_LIMIT_BYTES,
    'com.atproto.repo.applyWrites': WRITES_LIMIT_BYTES,
    'com.atproto.repo.createRecord': WRITES_LIMIT_BYTES,
    'com.atproto.repo.putRecord': WRITES_LIMIT_BYTES,
    'com.atproto.repo.importRepo': REQUEST_LIMIT_BYTES,
    'com.atproto.repo.uploadBlob': REQUEST_LIMIT_BYTES,
    'com.cirrus.admin.uploadRepoPart': REQUEST_LIMIT_BYTES,
  },
}

/** How long the body of a request may take: a body that never ends is memory that somebody else holds. */
export const BODY_TIMES: BodyTimes = { jsonMs: 30_000, anonymousMs: 10_000, stallMs: 60_000 }
