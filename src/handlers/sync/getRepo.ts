import type { Handler } from '../context.ts'
import { exportReader, noteRecordsOf } from './exportReader.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

export const getRepo: Handler<'com.atproto.sync.getRepo'> = ({ account, auth, network, params, error }) => {
  requireOwnDid(account, params.did, error)
  const { root, body } = account.exports.repo({
    since: params.since,
    reader: exportReader(auth, network),
    onRecords: noteRecordsOf(account, auth),
  })
  // com.cirrus.admin.resumeRepo resumes an export that broke off; this tag tells it which one.
  return { encoding: 'application/vnd.ipld.car', body, headers: { etag: `"${root}"` } }
}
