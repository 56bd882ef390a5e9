/** How large a request may be. */
import type { Limits } from './xrpc/body.ts'

const MiB = 1024 * 1024

/** The platform ends request bodies at 100 MB (Free and Pro plans). */
export const REQUEST_LIMIT = 100 * 1000 * 1000

export const LIMITS: Limits = {
  // 200 writes of a record of at most 1 MB would be more; a commit's blocks may have 2 MB.
  json: 4 * MiB,
  binary: {
    'com.atproto.repo.importRepo': REQUEST_LIMIT,
    'com.atproto.repo.uploadBlob': REQUEST_LIMIT,
  },
}
