import type { Handler } from '../context.ts'
import { isoTime } from '../isoTime.ts'

export const getJournal: Handler<'com.cirrus.admin.getJournal'> = ({ account, params, error }) => {
  const { limit, cursor } = params
  if (cursor !== undefined && !/^[1-9]\d{0,14}$/.test(cursor))
    throw error('InvalidRequest', 'cursor: expected one from an earlier answer of this method')
  const page = account.journal.page({ limit, ...(cursor !== undefined && { cursor: Number(cursor) }) })
  return {
    entries: page.entries.map((entry) => ({ ...entry, at: isoTime(entry.at) })),
    ...(page.cursor !== undefined && { cursor: String(page.cursor) }),
  }
}
