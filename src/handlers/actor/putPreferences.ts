import { PERSONAL_DETAILS_FOR } from '../../policy.ts'
import type { Handler } from '../context.ts'

export const putPreferences: Handler<'app.bsky.actor.putPreferences'> = ({ account, auth, input }) => {
  account.preferences.put(input.preferences, { personalDetails: PERSONAL_DETAILS_FOR.has(auth.grants) })
}
