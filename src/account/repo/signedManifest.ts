import type { SigningKey } from '../../signing/keys.ts'
import type { Platform } from '../../platform.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Records } from './records.ts'
import type { Repo } from './repo.ts'

export interface ManifestDeps {
  did: string
  platform: Pick<Platform, 'now'>
  repo: Pick<Repo, 'requireHead'>
  records: Pick<Records, 'countByCollection'>
  blobs: Pick<Blobs, 'counts'>
  signingKey: Pick<SigningKey, 'signManifest'>
}

/** A signed statement of what the account has at one commit. All of it is read before the first await, so it agrees. */
export const signedManifest = async (deps: ManifestDeps): Promise<string> => {
  const { did, platform, repo, records, blobs, signingKey } = deps
  const head = repo.requireHead()
  const { stored, bytes } = blobs.counts()
  return await signingKey.signManifest({
    iss: did,
    iat: Math.floor(platform.now() / 1000),
    rev: head.rev,
    commit: head.root.toString(),
    data: head.data.toString(),
    collections: records.countByCollection(),
    blobs: { count: stored, bytes },
  })
}
