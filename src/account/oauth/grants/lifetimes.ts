import type { ClientAuth } from '../clients/types.ts'

const DAY_MS = 24 * 3600_000
const YEAR_MS = 365.25 * DAY_MS

/** How long a code may wait for its exchange. */
export const CODE_LIFETIME_MS = 5 * 60_000
/** A client that cannot prove who it is: the owner is asked again after this time. */
const PUBLIC_LIFETIME_MS = 14 * DAY_MS
/** One that can; but it ends where it is not used for `CONFIDENTIAL_REFRESH_MS`. */
const CONFIDENTIAL_LIFETIME_MS = 2 * YEAR_MS
const CONFIDENTIAL_REFRESH_MS = YEAR_MS / 4

/** When a grant that is used now ends, if it is not used again. Milliseconds since the epoch. */
export const endOfGrant = (
  { auth, createdAt }: { auth: ClientAuth; createdAt: number },
  now: number,
): number =>
  auth.method === 'none'
    ? createdAt + PUBLIC_LIFETIME_MS
    : Math.min(createdAt + CONFIDENTIAL_LIFETIME_MS, now + CONFIDENTIAL_REFRESH_MS)
