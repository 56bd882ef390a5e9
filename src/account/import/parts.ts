import type { Platform } from '../../platform.ts'
import type { Blobs } from '../blobs.ts'
import type { Blocks } from '../blocks.ts'
import type { CommitSigner } from '../commit.ts'
import type { Repo } from '../repo.ts'
import type { Sequencer } from '../sequencer.ts'
import type { Sql } from '../sql.ts'
import type { Repack } from '../store/repack.ts'

/** What an import needs of the account. */
export interface ImportParts {
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
