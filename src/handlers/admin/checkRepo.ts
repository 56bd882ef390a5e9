import type { Handler } from '../context.ts'

export const checkRepo: Handler<'com.cirrus.admin.checkRepo'> = async ({ account, error }) => {
  if (!account.repo.head()) throw error('RepoNotFound', 'there is no repository here yet')
  const { ok, problems, summary } = await account.check()
  const { rev, blocks, records, blobs, events, journal } = summary
  return { ok, problems, ...(rev !== null && { rev }), blocks, records, blobs: blobs.stored, events, journal }
}
