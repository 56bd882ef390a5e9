/** Whether a `repo` or `did` that a caller named is the account of this object. */
import { error, type XrpcError } from '../../xrpc/errors.ts'

interface Named {
  did: string
  handle: string
}

/** By DID or handle, as the repo methods take it. */
export const isOwn = (account: Named, repo: string): boolean =>
  repo === account.did || repo.toLowerCase() === account.handle

/** For methods whose lexicon declares no better error. */
export const notHere = (repo: string): XrpcError =>
  error('InvalidRequest', `Could not find repo: ${repo.slice(0, 256)}. This server holds one account only`)
