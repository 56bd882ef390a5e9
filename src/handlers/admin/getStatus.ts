import type { Handler } from '../context.ts'

export const getStatus: Handler<'com.cirrus.admin.getStatus'> = ({ account }) => account.status()
