import { readAccount, readCounts } from '../../account/db/accountRow.ts'
import type { Handler } from '../context.ts'

/** Movers decide by these numbers: each is counted, none guessed. */
export const checkAccountStatus: Handler<'com.atproto.server.checkAccountStatus'> = async ({ account }) => {
  const validDid = await account.lifecycle.isDidValid()
  const { root, rev } = account.repo.load()
  const { blocks, records } = readCounts(account.sql)
  const { expected, stored } = account.blobs.counts()
  return {
    activated: readAccount(account.sql).stored === 'active',
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
