import { error, XrpcError } from '../xrpc/errors.ts'

/** Refuses a `repo`, a DID or handle, that is not this account's; for methods whose lexicon declares no error for it. */
export const requireOwnRepo = (account: { did: string; handle: string }, repo: string): void => {
  if (repo === account.did || repo.toLowerCase() === account.handle) return
  throw error(
    'InvalidRequest',
    `Could not find repo: ${repo.slice(0, 256)}. This server holds one account only`,
  )
}

/** A handler's own function `error`, which compiles only if the method's lexicon declares RepoNotFound. */
type MakeRepoNotFound = (name: 'RepoNotFound', message: string) => XrpcError

export const repoNotFound = (did: string, error: MakeRepoNotFound): XrpcError =>
  error('RepoNotFound', `Could not find repo for DID: ${did}`)

/** Refuses a `did` that is not this account's; for methods that may answer RepoNotFound, declared or not. */
export const requireOwnDid = (
  account: { did: string },
  did: string,
  error: MakeRepoNotFound = (name, message) => new XrpcError(name, message),
): void => {
  if (did !== account.did) throw repoNotFound(did, error)
}
