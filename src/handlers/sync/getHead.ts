import type { Handler } from '../context.ts'
import { requireOwnDid } from '../requireOwnRepo.ts'

/** Deprecated, and still called: getLatestCommit says more. */
export const getHead: Handler<'com.atproto.sync.getHead'> = ({ account, params }) => {
  requireOwnDid(account, params.did)
  return { root: account.repo.requireHead().root.toString() }
}
