import type { Client } from '../../client/index.ts'
import type { ProofStore } from '../proof/readRepo.ts'
import type { ServerDescription, Target } from '../target.ts'
import type { Who } from '../who.ts'

/** The server that the account is on. */
export interface PreflightSource {
  readonly origin: string
  /** With whatever credential there is. */
  readonly client: Client
  /** A Cirrus whose owner, admin or token is asking: it says itself what only it knows. */
  readonly answersOwner: boolean
  /** The rotation keys that it calls its own; undefined if it does not say. */
  readonly namedKeys?: readonly string[] | undefined
  /** The domains below which it gives its accounts handles; undefined if it does not say. */
  readonly domains?: readonly string[] | undefined
}

/** The server that the account is to move to, as it describes itself to anyone. */
export type PreflightTarget = Pick<Target, 'kind' | 'origin' | 'state' | 'ownHandle' | 'pull'> & {
  readonly description: ServerDescription & { readonly isOwnDid?: boolean }
}

export interface PreflightOptions {
  readonly who: Who
  readonly source: PreflightSource
  /** Undefined: only what the source can be asked is looked at. */
  readonly target?: PreflightTarget | undefined
  /** Rotation keys that are the owner's, as far as they are known. */
  readonly ownerKeys: readonly string[]
  /** The handle that is wanted at the target; by default the present one. */
  readonly handle?: string | undefined
  /** Read every blob, not only some of them. */
  readonly allBlobs: boolean
  /** Where the repository of a source that is not a Cirrus is kept while it is verified; without it, none is fetched. */
  readonly store?: ProofStore | undefined
  onProgress?(what: 'repository' | 'blobs', done: number, total: number | undefined): void
}

/** How much there is to move, as far as it is known. */
export interface Contents {
  readonly records?: number | undefined
  /** Of the repository. */
  readonly repoBytes?: number | undefined
  readonly blobs?: number | undefined
  readonly blobBytes?: number | undefined
  readonly largestBlob?: { readonly cid: string; readonly size: number } | undefined
}
