/** Cloudflare's, for one object; docs/limits.md says what happens there. */
export const DATABASE_LIMIT_BYTES = 10e9
