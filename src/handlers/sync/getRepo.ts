import type { Handler } from '../context.ts'

export const getRepo: Handler<'com.atproto.sync.getRepo'> = ({ account, params, error }) => {
  if (params.did !== account.did) throw error('RepoNotFound', `Could not find repo for DID: ${params.did}`)
  const { root, body } = account.exports.repo({ since: params.since })
  // By this name an export that broke off is resumed: com.cirrus.admin.resumeRepo.
  return { encoding: 'application/vnd.ipld.car', body, headers: { etag: `"${root}"` } }
}
