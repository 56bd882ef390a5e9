/** A time in milliseconds as lexicons have it. */
export const isoTime = (at: number): string => new Date(at).toISOString()
