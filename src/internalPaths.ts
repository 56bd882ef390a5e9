/**
 * Paths at which the account's object answers the Worker alone. What others send reaches the object below `/xrpc/` only:
 * the Worker forwards nothing else.
 */
export const INTERNAL_PATHS = {
  authorizeProxy: '/internal/authorizeProxy',
} as const
