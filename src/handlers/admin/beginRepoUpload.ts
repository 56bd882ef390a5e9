import type { Handler } from '../context.ts'
import { latestPull } from './pullAnswer.ts'
import { requireSha256 } from './requireSha256.ts'

export const beginRepoUpload: Handler<'com.cirrus.admin.beginRepoUpload'> = async ({ account, input }) => {
  const { lifecycle, maintenance, pulls, uploads } = account
  const { sha256, size } = input
  requireSha256(sha256)
  lifecycle.assertNotRetained()
  uploads.begin({ sha256, size })
  const pull = latestPull(pulls)
  // All of it may be here already, and what an earlier one left is deleted.
  await maintenance.wake(0)
  return { pull }
}
