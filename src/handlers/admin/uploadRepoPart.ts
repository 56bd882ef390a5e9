import type { Handler } from '../context.ts'
import { latestPull } from './pullAnswer.ts'
import { requireSha256 } from './requireSha256.ts'

export const uploadRepoPart: Handler<'com.cirrus.admin.uploadRepoPart'> = async ({
  account,
  params,
  input,
}) => {
  const { lifecycle, maintenance, pulls, uploads } = account
  const { sha256, offset } = params
  requireSha256(sha256)
  lifecycle.assertNotRetained()
  await uploads.put({ sha256, offset, body: input.body })
  const pull = latestPull(pulls)
  if (pulls.isDue) await maintenance.wake(0)
  return { pull }
}
