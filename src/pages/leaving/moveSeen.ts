import type { JournalEntry } from '../../account/journal.ts'

/** A migration token, as the journal has it. Times are in milliseconds since the epoch. */
export interface MintedToken {
  mintedAt: number
  /** The origin of the server that it is for. */
  target: string | undefined
  expiresAt: number
  isRevoked: boolean
}

/** What the journal has of the present move, or of the last one. */
export interface MoveSeen {
  /** The newest first. */
  tokens: readonly MintedToken[]
  signedAt: number | undefined
  deactivatedAt: number | undefined
  movedAt: number | undefined
  verifiedAt: number | undefined
}

/** What comes before one of these belongs to an earlier move. */
const BEGINNINGS = ['create-account', 'activate', 'moved-back']

/** Reads a move from entries of the journal, the newest first. */
export const moveSeen = (entries: readonly JournalEntry[]): MoveSeen => {
  const end = entries.findIndex(({ event }) => BEGINNINGS.includes(event))
  const own = end < 0 ? entries : entries.slice(0, end)
  const last = (event: string): number | undefined => own.find((entry) => entry.event === event)?.at
  const revokedAt = last('revoke-tokens') ?? -Infinity
  const tokens = own
    .filter(({ event }) => event === 'mint')
    .map(({ at, detail: { target, exp } }) => ({
      mintedAt: at,
      target: typeof target === 'string' ? target : undefined,
      expiresAt: typeof exp === 'number' ? exp * 1000 : at,
      isRevoked: at <= revokedAt,
    }))
  return {
    tokens,
    signedAt: last('sign'),
    deactivatedAt: last('deactivate'),
    movedAt: last('moved-away'),
    verifiedAt: last('verify'),
  }
}

const RECENT_MS = 60 * 60_000

/** Whether something is likely to change soon: a token can still be used, or the last step was taken just now. */
export const isUnderWay = (move: MoveSeen, copiedAt: number | undefined, now: number): boolean => {
  if (move.verifiedAt !== undefined) return false
  if (move.tokens.some(({ expiresAt, isRevoked }) => !isRevoked && expiresAt > now)) return true
  return [move.signedAt, move.deactivatedAt, move.movedAt, copiedAt].some(
    (at) => at !== undefined && now - at < RECENT_MS,
  )
}
