/** What a subscriber is given, typed from the lexicon's union. */
import type { OutputSchema } from '../../generated/client/types/com/atproto/sync/subscribeRepos.ts'

export const ID = 'com.atproto.sync.subscribeRepos'

type Message<Name extends string> = Extract<OutputSchema, { $type: `${typeof ID}#${Name}` }>

/** A change of the repository. `blocks` is a CAR: `readRecords` and `readBlocks` read it. */
export type CommitEvent = Message<'commit'>
/** What the repository is now, where the commits before do not lead. */
export type SyncEvent = Message<'sync'>
/** The DID document may have changed: look it up again. */
export type IdentityEvent = Message<'identity'>
/** Whether the account is active at this host, and if not, why. */
export type AccountEvent = Message<'account'>
/** Told by the server about the stream itself; it has no number. */
export type Info = Message<'info'>

/** One event of the stream. `$type` says which. */
export type RepoEvent = CommitEvent | SyncEvent | IdentityEvent | AccountEvent
