import type { Handler } from '../context.ts'
import { sessionInfo } from './sessionInfo.ts'

export const createAccount: Handler<'com.atproto.server.createAccount'> = async ({
  account,
  auth,
  input,
  network,
  client,
}) => {
  const tokens = await account.lifecycle.create({ ...input, network, client }, auth.id)
  const { did, handle, didDoc } = await sessionInfo(account)
  return { ...tokens, did, handle, ...(didDoc && { didDoc }) }
}
