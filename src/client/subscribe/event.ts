import type { OutputSchema } from '../../generated/client/types/com/atproto/sync/subscribeRepos.ts'

export const SUBSCRIBE_REPOS = 'com.atproto.sync.subscribeRepos'

type Message<Name extends string> = Extract<OutputSchema, { $type: `${typeof SUBSCRIBE_REPOS}#${Name}` }>

/** A change of the repository. `blocks` is a CAR: `readRecords` and `readBlocks` read it. */
export type CommitEvent = Message<'commit'>
/** The repository's present commit, where the commits before it do not lead to it. */
export type SyncEvent = Message<'sync'>
/** The DID document may have changed: look it up again. */
export type IdentityEvent = Message<'identity'>
/** Whether the account is active at this host, and if not, why. */
export type AccountEvent = Message<'account'>
/** What the server says about the stream itself. It has no `seq`. */
export type Info = Message<'info'>

/** One event of the stream, typed from the lexicon's union. `$type` says which it is. */
export type RepoEvent = CommitEvent | SyncEvent | IdentityEvent | AccountEvent
