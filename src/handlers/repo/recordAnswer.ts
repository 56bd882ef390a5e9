import type { PreparedRecord } from '../../account/repo/commits/prepareRecord.ts'
import type { CommitResult } from '../../account/repo/repo.ts'

/** The answer of createRecord and putRecord. `commit` is left out if nothing changed. */
export const recordAnswer = (account: { did: string }, done: CommitResult, prepared: PreparedRecord) => {
  const [result] = done.results
  if (!result?.cid) throw new Error('the write of a record has no CID')
  const { validationStatus } = prepared
  return {
    uri: `at://${account.did}/${result.path}`,
    cid: result.cid.toString(),
    ...(done.commit ? { commit: { cid: done.commit.cid.toString(), rev: done.commit.rev } } : {}),
    ...(validationStatus ? { validationStatus } : {}),
  }
}
