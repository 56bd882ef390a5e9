import type { Handler } from '../context.ts'

/** There is one account, so there is one page. A cursor can only come from that page, and nothing follows it. */
export const listRepos: Handler<'com.atproto.sync.listRepos'> = ({ account, params }) => {
  const state = account.state()
  if (state === 'absent' || state === 'deleted' || params.cursor !== undefined) return { repos: [] }
  const { root, rev } = account.repo.requireHead()
  const head = { did: account.did, head: root.toString(), rev }
  return {
    repos: [
      state === 'deactivated' ? { ...head, active: false, status: 'deactivated' } : { ...head, active: true },
    ],
  }
}
