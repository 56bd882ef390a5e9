import type { Handler } from '../context.ts'

export const getPreferences: Handler<'app.bsky.actor.getPreferences'> = ({ account }) => ({
  preferences: account.preferences.get(),
})
