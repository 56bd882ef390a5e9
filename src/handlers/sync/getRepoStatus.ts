import type { Handler } from '../context.ts'

export const getRepoStatus: Handler<'com.atproto.sync.getRepoStatus'> = ({ account, params, error }) => {
  const state = account.state()
  if (params.did !== account.did || state === 'absent')
    throw error('RepoNotFound', `Could not find repo for DID: ${params.did}`)
  if (state === 'deactivated') return { did: account.did, active: false, status: 'deactivated' }
  return { did: account.did, active: true, rev: account.repo.load().rev }
}
