import type { Handler } from '../context.ts'
import { repoNotFound, requireOwnDid } from '../requireOwnRepo.ts'

export const getRepoStatus: Handler<'com.atproto.sync.getRepoStatus'> = ({ account, params, error }) => {
  requireOwnDid(account, params.did, error)
  const state = account.state()
  if (state === 'absent') throw repoNotFound(params.did, error)
  if (state === 'deactivated' || state === 'deleted')
    return { did: account.did, active: false, status: state }
  return { did: account.did, active: true, rev: account.repo.requireHead().rev }
}
