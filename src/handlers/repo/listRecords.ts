import { recordValue } from '../../account/repo/records.ts'
import type { Handler } from '../context.ts'
import { requireOwnRepo } from '../requireOwnRepo.ts'

export const listRecords: Handler<'com.atproto.repo.listRecords'> = ({ account, params }) => {
  const { repo, collection, limit, cursor, reverse } = params
  requireOwnRepo(account, repo)
  const page = account.records.list({ collection, limit, cursor, reverse })
  return {
    ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
    // A record that the specification forbids has no JSON. The others are listed all the same.
    records: page.records.flatMap((record) => {
      const value = recordValue(record.bytes)
      const uri = `at://${account.did}/${record.collection}/${record.rkey}`
      return value ? [{ uri, cid: record.cid.toString(), value }] : []
    }),
  }
}
