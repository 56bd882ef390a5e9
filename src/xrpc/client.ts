const MAX_LENGTH = 200

/** What a caller's `user-agent` header says, safe to store and to show on a terminal: printable ASCII on one line. */
export const clientOf = (userAgent: string | null): string | undefined =>
  userAgent
    ?.slice(0, 4 * MAX_LENGTH)
    .replace(/[^\x21-\x7e]+/g, ' ')
    .trim()
    .slice(0, MAX_LENGTH)
    .trimEnd() || undefined
