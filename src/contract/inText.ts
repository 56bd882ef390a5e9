/** What is shown of a value. */
const MAX_CHARS = 500

/** A value that a server sent, for a finding: whatever it is, in a short text. */
export const inText = (value: unknown): string => {
  // Of an object, String() would call a member `toString` of it, which may be anything.
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)} …` : text
}
