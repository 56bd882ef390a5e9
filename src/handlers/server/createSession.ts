import type { Handler } from '../context.ts'
import { sessionInfo } from './sessionInfo.ts'

export const createSession: Handler<'com.atproto.server.createSession'> = async ({
  account,
  input,
  network,
  client,
}) => {
  const tokens = await account.signIn({ ...input, network, client })
  return { ...tokens, ...(await sessionInfo(account)) }
}
