/** Controls, and what shows nothing but changes how other characters are shown: bidi, zero-width, lone surrogates. */
const UNSEEN = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]/gu

/** A text that a server may have written, as a report shows it: so long at most, and nothing in it that is not seen. */
export const visible = (text: string, maxChars: number): string =>
  (text.length > maxChars ? `${text.slice(0, maxChars)} …` : text).replace(UNSEEN, '\uFFFD')
