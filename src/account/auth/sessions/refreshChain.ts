/**
 * The refresh tokens of one session, by their ids: the current one, and those that it followed. Tabs of one browser share
 * a session and refresh it at the same time; phones lose answers. So a token that was used is not a theft: for two hours
 * it brings the current one again, and then it is worth nothing, while the session goes on.
 */
export interface RefreshChain {
  current: string
  /** The one that `current` replaced. */
  previous: string | null
  /** When `previous` was used, or the session was opened. In milliseconds, as all times here. */
  replacedAt: number
  /** Those before `previous` that are still accepted, the newest first. */
  older: readonly UsedToken[]
}

/** The id of a token, and when it was used for the first time. */
export type UsedToken = readonly [jti: string, usedAt: number]

/** For this long after its first use, a refresh token brings the same successor again. */
export const REFRESH_GRACE_MS = 2 * 3600_000

/** A client that refreshes every seven seconds all day has not found a use for more; the row must not grow for ever. */
const MAX_OLDER = 1000

const used = ({ previous, replacedAt, older }: RefreshChain): UsedToken[] =>
  previous === null ? [...older] : [[previous, replacedAt], ...older]

const isAccepted =
  (now: number) =>
  ([, usedAt]: UsedToken): boolean =>
    now - usedAt < REFRESH_GRACE_MS

/** Whether a token of the session is the current one, a used one that is still accepted, or used up. */
export const tokenState = (chain: RefreshChain, jti: string, now: number): 'current' | 'used' | 'used up' => {
  if (chain.current === jti) return 'current'
  return used(chain).some((token) => token[0] === jti && isAccepted(now)(token)) ? 'used' : 'used up'
}

/** The chain after its current token was used for the first time. */
export const followedBy = (chain: RefreshChain, next: string, now: number): RefreshChain => ({
  current: next,
  previous: chain.current,
  replacedAt: now,
  older: used(chain).filter(isAccepted(now)).slice(0, MAX_OLDER),
})
