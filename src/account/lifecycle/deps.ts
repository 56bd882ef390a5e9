/** What an account's coming and going needs, and where its DID has to point. */
import type { Secret } from '../../crypto/secret.ts'
import type { Platform } from '../../platform.ts'
import type { Blocks } from '../blocks/blocks.ts'
import type { IdentityWatch, Observation } from '../identity/identityWatch.ts'
import type { Journal } from '../journal.ts'
import type { RateLimits } from '../auth/rateLimits.ts'
import type { Relays } from '../events/relays.ts'
import type { Repo } from '../repo/repo.ts'
import type { Sequencer } from '../events/sequencer.ts'
import type { Sessions } from '../auth/sessions.ts'
import type { Sql } from '../db/sql.ts'

export interface LifecycleDeps {
  sql: Sql
  platform: Pick<Platform, 'now'>
  repo: Repo
  blocks: Blocks
  sequencer: Sequencer
  journal: Journal
  sessions: Sessions
  rate: RateLimits
  watch: IdentityWatch
  relays: Relays
  did: string
  handle: string
  origin: string
  /** did:key of the configured signing key. */
  signingKey: string
  passwordHash: Secret
}

/** Why an account with this DID cannot be active here, and the way out; undefined where nothing is wrong. */
export const didProblem = (
  { did, origin, signingKey: ours }: Pick<LifecycleDeps, 'did' | 'origin' | 'signingKey'>,
  { pds, signingKey, head }: Observation,
): string | undefined => {
  if (head && !head.data) return `${did} has been tombstoned: it can never be used again`
  const where = `the DID names ${pds ?? 'no PDS'} and not ${origin}`
  if (pds !== origin)
    return did.startsWith('did:plc:')
      ? `${where}. To move the account here, \`pds import --from ${pds ?? '<host>'}\` has the operation signed there`
      : `${where}. Change serviceEndpoint of #atproto_pds in the did.json of ${did} to ${origin}`
  if (signingKey !== ours)
    return `the DID names the signing key ${signingKey ?? '(none)'}, this server has ${ours}: give it that key (SIGNING_KEY), or put ours into the DID document`
  return undefined
}
