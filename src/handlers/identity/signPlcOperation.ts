import type { Handler } from '../context.ts'

export const signPlcOperation: Handler<'com.atproto.identity.signPlcOperation'> = async ({
  account,
  auth,
  input,
}) => ({ operation: { ...(await account.plc.sign(auth, input)) } })
