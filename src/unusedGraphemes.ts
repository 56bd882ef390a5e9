/**
 * In place of `unicode-segmenter/grapheme` in the Worker's bundle (`[alias]` in wrangler.toml), where its tables would be
 * 3.6 KB gzip. `@atproto/lex-data` counts graphemes with it only where `Intl.Segmenter` is missing, and workerd has that:
 * test/unusedGraphemes.worker.test.ts holds it.
 */
export const countGraphemes = (): never => {
  throw new Error('unicode-segmenter is not in the Worker: see src/unusedGraphemes.ts')
}
