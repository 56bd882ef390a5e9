/**
 * Control characters, and characters that show nothing but change how others are shown: they could move the cursor,
 * recolour the screen, or make a text look like another one. C0, C1, bidi, zero-width, tags, separators, lone surrogates.
 */
const UNSEEN = String.raw`\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}`
const UNSAFE = new RegExp(`(?![\\t\\n])[${UNSEEN}]`, 'gu')
const UNESCAPED = new RegExp(`(?!\\n)[${UNSEEN}]`, 'gu')

/** A text as a terminal may get it: no matter who wrote it, it changes nothing but the characters that it has. */
export const cleanText = (text: string): string => text.replace(UNSAFE, '\uFFFD')

const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('')

/** JSON of the same value, in which JSON.stringify’s own line breaks are the only such characters. */
export const cleanJson = (json: string): string => json.replace(UNESCAPED, escaped)
