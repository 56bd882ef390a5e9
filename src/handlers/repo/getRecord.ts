import { recordValue } from '../../account/repo/records.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'

export const getRecord: Handler<'com.atproto.repo.getRecord'> = ({ account, params, error }) => {
  const { repo, collection, rkey, cid } = params
  requireOwnRepo(account, repo)
  const record = account.records.get(collection, rkey)
  const uri = `at://${account.did}/${collection}/${rkey}`
  if (!record || (cid !== undefined && cid !== record.cid.toString()))
    throw error('RecordNotFound', `Could not locate record: ${uri}`)
  const value = recordValue(record.bytes)
  if (!value)
    throw error(
      'InvalidRequest',
      `${uri} is not a record as the specification has it, and has no JSON: com.atproto.sync.getRecord gives its bytes`,
    )
  return { uri, cid: record.cid.toString(), value }
}
