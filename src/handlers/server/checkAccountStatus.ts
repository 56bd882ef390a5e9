import type { Handler } from '../context.ts'

/** Migration tools decide by these numbers: each of them is counted, none is estimated. */
export const checkAccountStatus: Handler<'com.atproto.server.checkAccountStatus'> = async ({ account }) => {
  const validDid = await account.lifecycle.isDidValid()
  const { root, rev } = account.repo.requireHead()
  const { blocks, records } = account.counts()
  const { expected, stored } = account.blobs.counts()
  return {
    activated: account.isActivated(),
    validDid,
    repoCommit: root.toString(),
    repoRev: rev,
    repoBlocks: blocks,
    indexedRecords: records,
    privateStateValues: account.preferences.count(),
    expectedBlobs: expected,
    importedBlobs: stored,
  }
}
