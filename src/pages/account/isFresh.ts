import type { Site, Visit } from '../visit.ts'

const FRESH_MS = 10 * 60_000

/** Whether the owner signed in just now: a person who finds an open browser must not get lasting access. */
export const isFresh = ({ account }: Site, { signedIn }: Visit): boolean =>
  signedIn !== undefined && account.platform.now() - signedIn.signIn.createdAt < FRESH_MS
