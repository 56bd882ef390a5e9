import type { Handler } from '../context.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

export const getLatestCommit: Handler<'com.atproto.sync.getLatestCommit'> = ({ account, params, error }) => {
  requireOwnDid(account, params.did, error)
  const { root, rev } = account.repo.requireHead()
  return { cid: root.toString(), rev }
}
