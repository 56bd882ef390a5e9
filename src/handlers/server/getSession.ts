import type { Handler } from '../context.ts'
import { sessionInfo } from './sessionInfo.ts'

export const getSession: Handler<'com.atproto.server.getSession'> = ({ account }) => sessionInfo(account)
