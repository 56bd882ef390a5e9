import type { Handler } from '../context.ts'

export const getLatestCommit: Handler<'com.atproto.sync.getLatestCommit'> = ({ account, params, error }) => {
  if (params.did !== account.did) throw error('RepoNotFound', `Could not find repo for DID: ${params.did}`)
  const { root, rev } = account.repo.load()
  return { cid: root.toString(), rev }
}
