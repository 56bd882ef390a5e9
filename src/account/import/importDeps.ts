import type { Platform } from '../../platform.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { CommitSigner } from '../repo/commits/signCommit.ts'
import type { Repo } from '../repo/repo.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sql } from '../db/sql.ts'
import type { Repack } from '../blocks/packs/repack.ts'

/** What an import needs of the account. */
export interface ImportDeps {
  sql: Sql
  platform: Pick<Platform, 'now' | 'sleep'>
  did: string
  signer: CommitSigner
  blocks: Blocks
  repack: Repack
  blobs: Blobs
  sequencer: Sequencer
  repo: Repo
}
