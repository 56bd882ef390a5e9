import type { Handler } from '../context.ts'

export const raiseRevFloor: Handler<'com.cirrus.admin.raiseRevFloor'> = async ({ account, input }) => ({
  floor: account.lifecycle.raiseRevFloor(input.rev),
})
