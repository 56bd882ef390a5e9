import type { Handler } from '../context.ts'

export const voidPlcOperation: Handler<'com.cirrus.admin.voidPlcOperation'> = ({ account }) =>
  account.plc.void()
