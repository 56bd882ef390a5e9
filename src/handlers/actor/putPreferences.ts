import type { Handler } from '../context.ts'

export const putPreferences: Handler<'app.bsky.actor.putPreferences'> = ({ account, input }) => {
  account.preferences.put(input.preferences)
}
