import type { Handler } from '../context.ts'

export const signStatement: Handler<'com.cirrus.admin.signStatement'> = async ({ account, input }) => ({
  signature: await account.signStatement(input.digest),
})
