import { PERSONAL_DETAILS_FOR } from '../../policy.ts'
import type { Handler } from '../context.ts'

export const getPreferences: Handler<'app.bsky.actor.getPreferences'> = ({ account, auth }) => ({
  preferences: account.preferences.get({ personalDetails: PERSONAL_DETAILS_FOR.has(auth.grants) }),
})
