import type { Handler } from '../context.ts'

export const getRecommendedDidCredentials: Handler<'com.atproto.identity.getRecommendedDidCredentials'> = ({
  account,
}) => account.plc.recommended()
