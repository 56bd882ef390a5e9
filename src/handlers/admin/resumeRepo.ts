import { parseCid } from '@atproto/lex-data'
import type { Handler } from '../context.ts'
import { exportReader, noteRecordsOf } from '../sync/exportReader.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

export const resumeRepo: Handler<'com.cirrus.admin.resumeRepo'> = async ({
  account,
  auth,
  network,
  params,
  error,
}) => {
  const { did, root, offset, since } = params
  requireOwnDid(account, did, error)
  const body = await account.exports.resume({
    root: parseCid(root),
    offset,
    since,
    reader: exportReader(auth, network),
    onRecords: noteRecordsOf(account, auth),
  })
  if (!body)
    throw error(
      'SnapshotGone',
      `the tree of the commit ${root}${since === undefined ? '' : `, or the list of what the tree of ${since} had,`} is not kept here: start again with getRepo`,
    )
  return { encoding: 'application/vnd.ipld.car', body, headers: { etag: `"${root}"` } }
}
