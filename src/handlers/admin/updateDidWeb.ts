import type { Handler } from '../context.ts'

export const updateDidWeb: Handler<'com.cirrus.admin.updateDidWeb'> = async ({ account, input }) => {
  const { back = false, preview, ...to } = input ?? {}
  const { before, after } = await account.lifecycle.updateDidWeb({ to: back ? undefined : to, preview })
  return { before: { ...before }, after: { ...after } }
}
