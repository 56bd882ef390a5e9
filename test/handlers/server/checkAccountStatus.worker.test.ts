import { describe, expect, it } from 'vitest'
import { post } from '../support/calls.ts'
import { inWorld } from '../support/world.ts'

describe('checkAccountStatus', () => {
  it('counts blocks, records, private values and blobs', () =>
    inWorld({}, async ({ admin, did, ...world }) => {
      const owner = await world.signIn()
      await post(owner, did)
      await owner.app.bsky.actor.putPreferences({
        preferences: [{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }],
      })
      const { cid, rev } = await world.head()
      expect(await owner.com.atproto.server.checkAccountStatus()).toEqual({
        activated: true,
        validDid: true,
        repoCommit: cid,
        repoRev: rev,
        repoBlocks: (await admin.com.cirrus.admin.getStatus()).repo.blocks,
        indexedRecords: 1,
        privateStateValues: 1,
        expectedBlobs: 0,
        importedBlobs: 0,
      })
    }))
})
