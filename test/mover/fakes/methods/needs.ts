import { type FakeAccount, type FakeCall, Refused } from '../types.ts'

/** The account of the session, which must be a full one where it says so. */
export const needsAccount = (call: FakeCall, { full = false } = {}): FakeAccount => {
  if (!call.sent.headers.has('authorization'))
    throw new Refused(401, 'AuthMissing', 'Authentication Required')
  if (!call.account) throw new Refused(401, 'AuthenticationRequired', 'Account not found')
  if (full && (call.session?.app ?? true)) throw new Refused(400, 'InvalidToken', 'Bad token scope')
  return call.account
}

/** The account that `did` or `repo` names; if it is deactivated, only its owner reads it. */
export const needsReadable = (call: FakeCall, param = 'did'): FakeAccount => {
  const account = call.pds.find(call.params.get(param))
  if (!account)
    throw new Refused(400, 'RepoNotFound', `Could not find repo for DID: ${call.params.get(param)}`)
  if (!account.active && call.account !== account)
    throw new Refused(400, 'RepoDeactivated', 'Repo has been deactivated')
  return account
}

/** A page of a sorted list, as the reference cuts it: a full page has a cursor. */
export const pageOf = (call: FakeCall, all: readonly string[], most = 500) => {
  const limit = Math.min(Number(call.params.get('limit') ?? 500), call.pds.options.pageSize ?? most)
  const cursor = call.params.get('cursor')
  const found = [...all].sort().filter((item) => cursor === null || item > cursor)
  const items = found.slice(0, limit)
  return { items, cursor: items.at(-1) }
}
