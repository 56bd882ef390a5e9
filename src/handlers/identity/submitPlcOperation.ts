import type { Handler } from '../context.ts'

export const submitPlcOperation: Handler<'com.atproto.identity.submitPlcOperation'> = async ({
  account,
  input,
}) => {
  await account.plc.submit(input.operation)
}
